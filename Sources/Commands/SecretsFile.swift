import Events
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What senders sign with, by source. Secrets never stand on a command line, where every user of the machine can read them.
enum SenderSecrets {
    private static let prefix = "LOCKSTEP_SECRET_"

    /// The secrets in the environment, and those in the file at `path`, which count before them.
    static func read(file path: String?) throws -> [String: String] {
        var secrets: [String: String] = [:]
        for (name, value) in ProcessInfo.processInfo.environment where name.hasPrefix(prefix) && !value.isEmpty {
            secrets[name.dropFirst(prefix.count).lowercased()] = value
        }
        guard let path else { return secrets }
        return secrets.merging(try read(path), uniquingKeysWith: { $1 })
    }

    private static func read(_ path: String) throws -> [String: String] {
        var status = stat()
        guard stat(path, &status) == 0, let bytes = try? ByteLines.beginning(of: path, atMost: 1 << 16) else {
            throw CommandFailure(.environment, "\(path): expected a file with secrets that can be read, found none; check --secrets")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw CommandFailure(
                .environment,
                "\(path): expected a file that its owner alone can read, found mode \(String(status.st_mode & 0o777, radix: 8));"
                    + " run 'chmod 600 \(path)'")
        }
        let members = try? JSONValue(parsing: Array(bytes), within: .wire).object
        guard let members, members.values.allSatisfy({ $0.string != nil }) else {
            throw CommandFailure(.usage, "\(path): expected a JSON object with a text for each source, found something else")
        }
        return members.compactMapValues(\.string)
    }
}
