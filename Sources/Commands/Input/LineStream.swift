import Bridge
import Events

/// The deliveries of a stream. What cannot be read is no reason to stop: it is a dead letter, and the next line may be good.
final class LineStream {
    private let lines: ByteLines

    /// Lines of the file at `path`; `-` for standard input.
    init(path: String) throws { lines = try ByteLines(path: path) }

    /// The next line; nil at the end of input.
    func next() async throws -> StreamedLine? {
        guard let line = try await lines.nextOfStream() else { return nil }
        do { return .line(try line.trace()) } catch { return .unreadable(letter(line, error)) }
    }

    /// The same line gets the same id wherever it stands, so that a stream that is sent again has one letter of it.
    private func letter(_ line: ByteLine, _ error: TraceError) -> DeadLetter {
        let body = String(decoding: line.bytes, as: UTF8.self)
        return DeadLetter(
            id: EventID("line-\(StableHash.hexadecimal("\(line.length) \(body)"))"), source: "stream", reason: .malformed,
            detail: "\(lines.name):\(line.number) (byte \(line.offset)): \(error); deliver it again as one JSON object on one line",
            body: body, receivedAt: .distantPast)
    }
}

extension DeadLetter {
    /// `ACK` says of a line that is none where it stood, since its producer does not know the id.
    var acknowledgement: String { "ACK \(id) dead-letter \(detail)" }
}
