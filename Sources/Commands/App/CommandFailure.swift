/// Why a command ends, with the exit code that says whose move it is.
public struct CommandFailure: Error, Sendable, CustomStringConvertible {
    /// Exit codes: 0 ok, 1 differences or violations, 2 bad usage, 3 environment.
    public enum Code: Int32, Sendable {
        /// Differences or violations were found.
        case differences = 1
        /// The call's words are wrong.
        case usage = 2
        /// The machine has to change: file, lock, schema.
        case environment = 3
    }

    /// Whose move it is.
    public let code: Code
    /// One sentence.
    public let description: String

    /// A failure.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
