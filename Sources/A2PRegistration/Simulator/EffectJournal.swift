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
/// Members: `key, operation, owner, epoch, attempt, at, request, reply`.
public final class FileJournal: EffectJournal {
    private let descriptor: CInt
    /// Required by ``EffectJournal``, which says what it does.
    public let entries: [LedgerEntry]

    /// Opens or creates the file at `path`. Throws a sentence when it cannot be written or holds something else.
    public init(path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw JournalError(description: "\(path): expected a file that can be written, found: \(String(cString: strerror(errno)))")
        }
        let data = try Data(contentsOf: URL(filePath: path))
        let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { data[...$0] } ?? Data()
        if whole.count < data.count, ftruncate(descriptor, off_t(whole.count)) != 0 {
            throw JournalError(description: "\(path): expected to cut off a torn last line, found: \(String(cString: strerror(errno)))")
        }
        entries = try String(decoding: whole, as: UTF8.self).split(separator: "\n").map { line in
            do { return try JSONValue(parsing: String(line)).decoded(as: LedgerEntry.self) } catch {
                throw JournalError(description: "\(path): expected one effect a line, found: \(error); pass another --effects-log")
            }
        }
    }

    deinit { close(descriptor) }

    /// Required by ``EffectJournal``, which says what it does.
    public func append(_ entry: LedgerEntry) throws {
        var line = try JSONValue(encoding: entry)
        line["operation"] = .string(entry.key.operation)
        let text = line.canonicalText + "\n"
        let written = text.utf8.withContiguousStorageIfAvailable { write(descriptor, $0.baseAddress, $0.count) } ?? -1
        guard written == text.utf8.count else {
            throw JournalError(description: "effects log: expected to write \(text.utf8.count) bytes, wrote \(written); is the disk full?")
        }
    }
}

/// Why the effects log cannot be used.
public struct JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
}
