import Dispatch
package import Events

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A line as it stands in a file or stream.
package struct ByteLine {
    /// From 1, counting every line of the file.
    package let number: Int
    /// Where it begins, in bytes.
    package let offset: Int
    /// Without the line break; of a line over the limit only its beginning.
    package let bytes: ArraySlice<UInt8>
    /// How long the line is.
    package let length: Int

    /// The text; nil when it is none in UTF-8.
    var text: String? { String(validating: bytes, as: UTF8.self) }

    /// Reads the delivery. Throws what was expected, without the place.
    package func trace() throws(TraceError) -> TraceLine { try TraceLine(parsing: try checked()) }

    /// Reads a delivery that is received now.
    func delivery() throws(TraceError) -> DeliveryLine { try DeliveryLine(parsing: try checked()) }

    func checked() throws(TraceError) -> String {
        guard length <= ByteLines.limit else {
            throw TraceError("expected a line of at most \(ByteLines.limit) bytes, found one of \(length)")
        }
        guard let text else { throw TraceError("expected UTF-8, found something else") }
        return text
    }
}

/// Reads a file or stream line by line and never holds more of it than one line may have. Blank lines are nothing: some producers send
/// them to keep a connection open.
package final class ByteLines {
    /// The most bytes that a line may have: no sender's delivery comes near.
    package static let limit = 1 << 20
    private static let chunk = 1 << 16
    /// What is kept of a line that is too long.
    private static let beginning = 1024

    /// The file's name, for errors.
    let name: String
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0
    private var number = 0
    private var offset: Int
    private var isAtEnd = false
    /// The beginning of a line that is too long, and how much of it was passed over.
    private var tooLong: (beginning: [UInt8], length: Int)?

    /// Lines of the file at `path`, from the byte `offset` on; `-` for standard input.
    package init(path: String, from offset: Int = 0) throws {
        name = path == "-" ? "standard input" : path
        self.offset = offset
        descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.usage, "\(name): expected a file that can be read, found: \(String(cString: strerror(errno)))")
        }
        if offset > 0 { lseek(descriptor, off_t(offset), SEEK_SET) }
    }

    deinit { close(descriptor) }

    /// The next line that is not blank; nil at the end.
    package func next() throws -> ByteLine? {
        while true {
            if let line = takeWhole() { return line }
            if isAtEnd { return takeRest() }
            append(try Self.read(descriptor, name))
        }
    }

    /// The same for a stream whose producer may take its time: no thread of the concurrency pool waits for it.
    package func nextOfStream() async throws -> ByteLine? {
        while true {
            if let line = takeWhole() { return line }
            if isAtEnd { return takeRest() }
            let (descriptor, name) = (descriptor, name)
            let bytes = try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(with: Result { try Self.read(descriptor, name) }) }
            }
            append(bytes)
        }
    }

    /// The next line, if it is in memory.
    func nextInMemory() -> ByteLine? { takeWhole() }

    /// The first bytes of a file.
    static func beginning(of path: String, atMost count: Int) throws -> ArraySlice<UInt8> {
        let lines = try ByteLines(path: path)
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try read(lines.descriptor, path)
            guard !more.isEmpty else { break }
            bytes += more
        }
        return bytes.prefix(count)
    }

    private static func read(_ descriptor: CInt, _ name: String) throws -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
            var got: Int
            repeat { got = Glibc.read(descriptor, buffer.baseAddress, buffer.count) } while got < 0 && errno == EINTR
            failed = got < 0
            count = max(0, got)
        }
        guard !failed else {
            throw CommandFailure(
                .environment, "\(name): expected to read on, found: \(String(cString: strerror(errno))); what was acknowledged is kept")
        }
        return bytes
    }

    private func append(_ bytes: [UInt8]) {
        isAtEnd = bytes.isEmpty
        if start > 0 {
            buffer.removeSubrange(..<start)
            scanned -= start
            start = 0
        }
        buffer += bytes
    }

    /// The next whole line in the buffer that is not blank.
    private func takeWhole() -> ByteLine? {
        while let end = nextBreak {
            if let line = take(until: end, breaks: 1) { return line }
        }
        scanned = buffer.count
        passOver()
        return nil
    }

    private var nextBreak: Int? {
        buffer.withUnsafeBytes { bytes in
            guard scanned < bytes.count, let base = bytes.baseAddress else { return nil }
            return memchr(base + scanned, CInt(UInt8(ascii: "\n")), bytes.count - scanned).map { UnsafeRawPointer($0) - base }
        }
    }

    private func takeRest() -> ByteLine? {
        guard start < buffer.count || tooLong != nil else { return nil }
        return take(until: buffer.count, breaks: 0)
    }

    /// The line that ends at `end`; nil for a blank one.
    private func take(until end: Int, breaks: Int) -> ByteLine? {
        let found = buffer[start..<end]
        let length = found.count + (tooLong?.length ?? 0)
        let isTooLong = length > Self.limit
        let bytes = isTooLong ? (tooLong?.beginning ?? Array(found.prefix(Self.beginning)))[...] : found
        number += 1
        defer {
            offset += length + breaks
            start = min(end + breaks, buffer.count)
            scanned = start
            tooLong = nil
        }
        if !isTooLong, bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return nil }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let isMarked = number == 1 && bytes.starts(with: mark)
        return ByteLine(number: number, offset: offset, bytes: isMarked ? bytes.dropFirst(mark.count) : bytes, length: length)
    }

    /// Lets go of what a line has beyond the limit.
    private func passOver() {
        guard buffer.count - start > Self.limit || tooLong != nil else { return }
        let beginning = tooLong?.beginning ?? Array(buffer[start...].prefix(Self.beginning))
        tooLong = (beginning, (tooLong?.length ?? 0) + buffer.count - start)
        buffer.removeAll(keepingCapacity: true)
        (start, scanned) = (0, 0)
    }
}
