import Events
import FoundationEssentials
public import Outcomes
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The memory of the outside: every effect that was performed with effect, once. It outlives our crashes, as the outside does.
public protocol EffectJournal: Sendable {
    /// What was performed before.
    var entries: [LedgerEntry] { get }
    /// Adds an effect at the moment it is performed.
    func append(_ entry: LedgerEntry) throws
}

/// A journal that goes with the process.
public final class MemoryJournal: EffectJournal {
    private let list = Mutex<[LedgerEntry]>([])
    /// An empty journal.
    public init() {}
    /// Required by ``EffectJournal``, which says what it does.
    public var entries: [LedgerEntry] { list.withLock { $0 } }
    /// Required by ``EffectJournal``, which says what it does.
    public func append(_ entry: LedgerEntry) throws { list.withLock { $0.append(entry) } }
}

/// A journal as a file of JSON lines, one write a line: a killed process leaves at most a torn last line, which is cut off.
///
/// Members: `key, operation, owner, epoch, attempt, at, request, reply`. The file is for its owner's eyes.
public final class FileJournal: EffectJournal {
    private let descriptor: CInt
    /// Bytes of whole lines; nil after a torn line that could not be cut off.
    private let length: Mutex<off_t?>
    /// Required by ``EffectJournal``, which says what it does.
    public let entries: [LedgerEntry]

    /// Opens or creates the file at `path`. Throws a sentence when it cannot be written or holds something else.
    public init(path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw JournalError(description: "\(path): expected a file that can be written, found: \(String(cString: strerror(errno)))")
        }
        let data = try Data(contentsOf: URL(filePath: path))
        let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { data[...$0] } ?? Data()
        length = Mutex(off_t(whole.count))
        if whole.count < data.count, ftruncate(descriptor, off_t(whole.count)) != 0 {
            throw JournalError(description: "\(path): expected to cut off a torn last line, found: \(String(cString: strerror(errno)))")
        }
        entries = try whole.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
            do { return try JSONValue(parsing: Array(line)).decoded(as: LedgerEntry.self) } catch {
                throw JournalError(
                    description: "\(path):\(index + 1): expected one effect a line, found: \(error); pass another --effects-log")
            }
        }
    }

    deinit { close(descriptor) }

    /// Required by ``EffectJournal``, which says what it does. What could not be written whole is cut off again.
    public func append(_ entry: LedgerEntry) throws {
        var line = try JSONValue(encoding: entry)
        line["operation"] = .string(entry.key.operation)
        let bytes = line.canonicalBytes + [UInt8(ascii: "\n")]
        try length.withLock { length in
            guard let end = length else {
                throw JournalError(description: "effects log: expected whole lines, found a torn one that cannot be cut off; start again")
            }
            let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written == bytes.count else {
                let isWhole = written <= 0 || ftruncate(descriptor, end) == 0
                length = isWhole ? end : nil
                throw JournalError(description: "effects log: expected to write \(bytes.count) bytes, wrote \(written); is the disk full?")
            }
            length = end + off_t(bytes.count)
        }
    }
}

/// Why the effects log cannot be used.
public struct JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
}
