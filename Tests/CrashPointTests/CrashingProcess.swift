import Foundation
import Outcomes

/// The executable `crash-points`, as processes of its own.
enum CrashingProcess {
    /// How a process ended.
    enum Ending: Hashable {
        case finished
        case killed
        case failed(String)
    }

    private static let binary: String? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let built = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
        return [built, "\(root)/.build/debug"].compactMap { $0 }.map { "\($0)/crash-points" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    /// Plays the workload on `database` from where it stands, up to `point`; nil for to the end.
    static func run(_ database: String, _ parties: PartyKind, isLive: Bool = false, upTo point: Int? = nil) async throws -> Ending {
        guard let binary else { throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: "crash-points"]) }
        let said = database + ".stderr"
        try Data().write(to: URL(filePath: said))
        let process = Process()
        process.executableURL = URL(filePath: binary)
        process.arguments = [isLive ? "live" : "recorded", database, parties.rawValue] + (point.map { [String($0)] } ?? [])
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: said)
        try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in ended.resume() }
            do { try process.run() } catch { ended.resume(throwing: error) }
        }
        switch (process.terminationReason, process.terminationStatus) {
        case (.exit, 0): return .finished
        case (.uncaughtSignal, SIGKILL): return .killed
        case (_, let status):
            return .failed("ended with \(status): \((try? String(contentsOfFile: said, encoding: .utf8)) ?? "")")
        }
    }
}
