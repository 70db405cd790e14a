public import Cutover
import FoundationEssentials
import Outcomes

/// Where an app's plan is.
public enum AppPlan: Sendable {
    /// The text, which is called `name` in error messages.
    case text(String, name: String)
    /// A file: at this path, or one of that name beside the executable or in `share/NAME` of its installation.
    case file(String)

    /// Reads the plan. Throws a sentence when it cannot be read, or is none.
    public func read() throws -> MigrationPlan {
        let (text, name) = try source()
        return try MigrationPlan(yaml: text, file: name)
    }

    /// The plan as it is written, and what it is called in error messages.
    func source() throws -> (text: String, name: String) {
        switch self {
        case .text(let yaml, let name): return (yaml, name)
        case .file(let path):
            let found = AppFiles.find(path) ?? path
            guard let bytes = try? ByteLines.beginning(of: found, atMost: MigrationPlan.mostBytes + 1) else {
                throw CommandFailure(.usage, "\(path): expected a plan file that can be read, found none; see Migrations/Plans")
            }
            return (String(decoding: bytes, as: UTF8.self), path)
        }
    }
}

/// Files that belong to an app.
enum AppFiles {
    /// The file that this process runs.
    static var executable: URL {
        let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: path ?? CommandLine.arguments.first ?? "lockstep")
    }

    /// The name of the file that this process runs.
    static var executableName: String { executable.lastPathComponent }

    /// `path`, or what is called so beside the executable or in the `share` folder of its installation; nil when there is none.
    static func find(_ path: String) -> String? {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let folder = executable.deletingLastPathComponent()
        let share = folder.deletingLastPathComponent().appending(path: "share/\(Program.name)")
        let places = [path, folder.appending(path: name).path, share.appending(path: name).path]
        return places.first { FileManager.default.fileExists(atPath: $0) }
    }
}

extension MigrationPlan {
    /// The steps that the durable side has, or of those the one that is named.
    func movedSteps(named name: String?) throws -> [StepNumber] {
        let moved = steps.filter(\.stage.isMoved).map(\.number)
        guard let name else { return moved }
        guard let step = moved.first(where: { $0.description == name }) else {
            let known = moved.map(\.description).joined(separator: ", ")
            throw CommandFailure(
                .usage, "--step: expected a step that is durable in \(title), one of \(known), found \(name); pass another --plan")
        }
        return [step]
    }
}
