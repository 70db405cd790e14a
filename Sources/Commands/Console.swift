import Events
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard output and error. Progress goes to a terminal only, so that a pipe stays clean.
///
/// What came from outside can hold anything, also what steers a terminal: control and bidirectional characters are shown as `\u001B`.
package enum Console {
    /// Where everything is written to in place of standard output and error, for a command that another process has asked for.
    @TaskLocal static var sheet: ConsoleSheet?

    /// Prints lines. A result that nobody can read is no result: when they cannot be written, the process ends with exit code 3.
    package static func print(_ text: String) {
        guard let problem = write(visible(text, keepingLines: true) + "\n", to: STDOUT_FILENO) else { return }
        error(
            "\(Program.name): standard output: expected to write \((text.utf8.count + 1).counted("byte")), found: \(problem); what was done before is kept"
        )
        exit(CommandFailure.Code.environment.rawValue)
    }

    static func error(_ text: String) { _ = write(visible(text, keepingLines: true) + "\n", to: STDERR_FILENO) }

    static func progress(_ text: String) {
        if sheet == nil, isatty(STDERR_FILENO) == 1 { _ = write("\r\u{1B}[K" + visible(text), to: STDERR_FILENO) }
    }

    static func endProgress() { progress("") }

    static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

    /// A pipe whose reader has gone is an error of the write, not the end of the process without a word.
    static func reportClosedPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Writes all of `text`; returns what went wrong.
    private static func write(_ text: String, to descriptor: CInt) -> String? {
        if let sheet {
            sheet.write(text, isError: descriptor == STDERR_FILENO)
            return nil
        }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(cString: strerror(errno)) }
            bytes = bytes.dropFirst(count)
        }
        return nil
    }

    /// The members of an object that have a value, by name, as a table.
    static func properties(_ json: JSONValue) -> String {
        let members = (json.object ?? [:]).sorted { $0.key < $1.key }.filter { !$0.value.isNull }
        return table(members.map { [$0.key, $0.value.string ?? $0.value.canonicalText] })
    }

    /// Rows as aligned columns; the first row is the head. A cell is one line.
    package static func table(_ rows: [[String]]) -> String {
        let rows = rows.map { $0.map { visible($0) } }
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.compactMap { $0.count > column ? $0[column].count : nil }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count + 2)
            }.joined()
        }.joined(separator: "\n")
    }

    /// `text` with every character that steers a terminal as `\u` and four digits, as JSON writes it. Line breaks are such characters
    /// wherever a line means something.
    static func visible(_ text: String, keepingLines: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: steers) else { return text }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard steers(scalar), !(keepingLines && (scalar == "\n" || scalar == "\t")) else {
                shown.append(scalar)
                continue
            }
            let digits = String(scalar.value, radix: 16, uppercase: true)
            shown.append(contentsOf: ("\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits).unicodeScalars)
        }
        return String(shown)
    }

    private static func steers(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFF9...0xFFFB: true
        default: false
        }
    }
}

/// What a command has written.
final class ConsoleSheet: Sendable {
    private let text = Mutex((output: "", error: ""))

    /// To standard output, without the last line break.
    var output: String { Self.trimmed(text.withLock { $0.output }) }
    /// To standard error, without the last line break.
    var error: String { Self.trimmed(text.withLock { $0.error }) }

    func write(_ line: String, isError: Bool) {
        text.withLock { text in
            if isError { text.error += line } else { text.output += line }
        }
    }

    private static func trimmed(_ text: String) -> String { text.hasSuffix("\n") ? String(text.dropLast()) : text }
}

extension Duration {
    /// In seconds, to the millisecond.
    var roundedSeconds: Double { (self / .milliseconds(1)).rounded() / 1000 }
}
