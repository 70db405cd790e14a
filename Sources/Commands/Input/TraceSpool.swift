import Events
import FoundationEssentials
import HeapModule

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Many sorted parts of a trace on disk, which become one sorted trace without being in memory together.
final class TraceSpool {
    /// A part: where it lies, and what of it was read ahead.
    private struct Part {
        var offset: Int
        let end: Int
        var ahead: ArraySlice<UInt8> = []
    }

    private struct Head: Comparable {
        let at: Int64
        let part: Int
        let line: ArraySlice<UInt8>

        static func < (left: Head, right: Head) -> Bool { (left.at, left.part) < (right.at, right.part) }
        static func == (left: Head, right: Head) -> Bool { left.part == right.part }
    }

    private static let readAhead = 1 << 14
    /// Before each line: its time and its length.
    private static let headLength = 12
    private let path: String
    private let descriptor: CInt
    private var length = 0
    private var parts: [Part] = []

    /// A spool beside the file that its lines are for, or in the folder for temporary files when they are for something else; it has no
    /// name and goes with the process.
    init(beside output: String) throws {
        var status = stat()
        let isFile = stat(output, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        let place = isFile ? output : (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp") + "/lockstep"
        path = "\(place).spool-\(ProcessInfo.processInfo.processIdentifier)"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("a folder that can be written") }
        unlink(path)
    }

    deinit { close(descriptor) }

    private func failure(_ expected: String) -> CommandFailure {
        CommandFailure(.environment, "\(path): expected \(expected), found: \(String(cString: strerror(errno))); name another --output")
    }

    /// Adds a part, whose lines are in order of receipt.
    func add(_ lines: [TraceLine]) throws {
        var bytes: [UInt8] = []
        for line in lines {
            let text = Array((line.text + "\n").utf8)
            withUnsafeBytes(of: line.receivedAt.milliseconds.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: UInt32(text.count).littleEndian) { bytes += $0 }
            bytes += text
        }
        let start = length
        while length - start < bytes.count {
            let count = bytes[(length - start)...].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(length)) }
            guard count > 0 else { throw failure("room for the trace") }
            length += count
        }
        parts.append(Part(offset: start, end: length))
    }

    /// Hands all lines to `body` in order of receipt; of lines of one moment, those of earlier parts first.
    func merge(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        var heads = Heap<Head>()
        for part in parts.indices { if let head = try next(part) { heads.insert(head) } }
        while let head = heads.popMin() {
            try body(head.line)
            if let next = try next(head.part) { heads.insert(next) }
        }
    }

    private func next(_ part: Int) throws -> Head? {
        guard try fill(part, Self.headLength) else { return nil }
        let head = parts[part].ahead.prefix(Self.headLength)
        let at = head.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let count = Int(head.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        guard try fill(part, Self.headLength + count) else { return nil }
        let line = parts[part].ahead.dropFirst(Self.headLength).prefix(count)
        parts[part].ahead = parts[part].ahead.dropFirst(Self.headLength + count)
        return Head(at: Int64(bitPattern: at), part: part, line: line)
    }

    /// Reads on until `count` bytes of a part are there; false when it has no more.
    private func fill(_ index: Int, _ count: Int) throws -> Bool {
        let part = parts[index]
        guard part.ahead.count < count else { return true }
        guard part.offset < part.end else { return false }
        let wanted = min(max(Self.readAhead, count), part.end - part.offset)
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, got in
            got = max(0, pread(descriptor, buffer.baseAddress, wanted, off_t(part.offset)))
        }
        guard !bytes.isEmpty else { throw failure("to read what was written") }
        parts[index].ahead = (Array(part.ahead) + bytes)[...]
        parts[index].offset += bytes.count
        return try fill(index, count)
    }
}
