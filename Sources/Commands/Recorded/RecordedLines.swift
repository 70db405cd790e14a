import Events
import ShadowComparator

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A line of a recording. Its bytes are there until the next one is read.
struct RecordedLine {
    /// Where it begins.
    let offset: Int
    /// Without the line break; nil for a line that is too long.
    let bytes: UnsafeRawBufferPointer?
    /// How long it is.
    let length: Int
    /// The bytes of its entity's id; nil when it names none.
    let entity: [UInt8]?
}

/// Reads the lines of a part of a recording, one after the other, and holds no more of it than a piece.
final class RecordedLines {
    private let file: RecordingFile
    /// How many bytes are read together.
    private let piece: Int
    private let end: Int
    private var buffer: UnsafeMutableRawBufferPointer
    /// What of the buffer is filled and not yet taken, and where in the file its beginning stands.
    private var rest = 0..<0
    private var offset: Int

    /// The lines that begin at `part.lowerBound`, where a line begins, up to `part.upperBound`, where one ends.
    init(_ file: RecordingFile, _ part: Range<Int>, piece: Int = 1 << 18) {
        self.file = file
        self.piece = piece
        (offset, end) = (part.lowerBound, min(part.upperBound, file.size))
        buffer = .allocate(byteCount: piece, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The next line that is not blank; nil at the end.
    func next() throws -> RecordedLine? {
        while let line = try nextLine() {
            if let bytes = line.bytes, bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { continue }
            return line
        }
        return nil
    }

    /// Leaves out what stands up to the next line break.
    func skipRestOfLine() throws { _ = try nextLine() }

    private func nextLine() throws -> RecordedLine? {
        var length = try lengthOfNext()
        while length == nil, rest.count <= ByteLines.limit, try fill() { length = try lengthOfNext() }
        guard length != nil || rest.count <= ByteLines.limit else { return try passOver() }
        guard let length = length ?? (rest.isEmpty ? nil : rest.count) else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[rest.lowerBound..<rest.lowerBound + length])
        let start = offset
        take(min(length + 1, rest.count))
        guard length <= ByteLines.limit else { return RecordedLine(offset: start, bytes: nil, length: length, entity: nil) }
        return RecordedLine(offset: start, bytes: bytes, length: length, entity: Observation.entity(ofRecordingLine: bytes))
    }

    private func take(_ count: Int) {
        rest = rest.lowerBound + count..<rest.upperBound
        offset += count
    }

    /// How long the next line is; nil when its end is not in the buffer.
    private func lengthOfNext() throws -> Int? {
        guard let base = buffer.baseAddress, !rest.isEmpty else { return nil }
        let start = base + rest.lowerBound
        return memchr(start, CInt(UInt8(ascii: "\n")), rest.count).map { UnsafeRawPointer($0) - UnsafeRawPointer(start) }
    }

    /// Reads on behind what is in the buffer; false at the end.
    private func fill() throws -> Bool {
        let wanted = min(piece, end - offset - rest.count)
        guard wanted > 0 else { return false }
        makeRoom(for: wanted)
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[rest.upperBound..<rest.upperBound + wanted])
        let count = try file.read(into: target, at: offset + rest.count)
        guard count == wanted else {
            throw CommandFailure(
                .environment, "\(file.path): expected \(file.size.counted("byte")), found fewer; it was changed while it was read")
        }
        rest = rest.lowerBound..<rest.upperBound + count
        return true
    }

    private func makeRoom(for wanted: Int) {
        guard buffer.count - rest.upperBound < wanted else { return }
        let room = rest.count + wanted <= buffer.count ? buffer : .allocate(byteCount: 2 * (rest.count + wanted), alignment: 16)
        if let target = room.baseAddress, let source = buffer.baseAddress { memmove(target, source + rest.lowerBound, rest.count) }
        if room.baseAddress != buffer.baseAddress { buffer.deallocate() }
        buffer = room
        rest = 0..<rest.count
    }

    /// Leaves out a line that is too long.
    private func passOver() throws -> RecordedLine? {
        let start = offset
        while try lengthOfNext() == nil {
            take(rest.count)
            guard try fill() else { return RecordedLine(offset: start, bytes: nil, length: offset - start, entity: nil) }
        }
        let length = offset - start + (try lengthOfNext() ?? 0)
        take(length + 1 - (offset - start))
        return RecordedLine(offset: start, bytes: nil, length: length, entity: nil)
    }
}
