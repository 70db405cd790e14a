import Bridge
import Events
import HybridRouter

/// The deliveries of a stream. What cannot be read is no reason to stop: it is a dead letter, and the next line may be good.
actor LineStream {
    /// What a stream consists of.
    enum Kind { case recorded, live }

    private let lines: ByteLines
    /// A line that was looked at, and is the next.
    private var held: ByteLine?
    /// The most lines that are taken together.
    private static let most = 256

    /// Lines of the file at `path`; `-` for standard input.
    init(path: String) throws { lines = try ByteLines(path: path) }

    /// The next line; nil at the end of input.
    func next() async throws -> StreamedLine? {
        guard let line = try await nextLine() else { return nil }
        do { return .line(try line.trace()) } catch { return .unreadable(letter(line, error)) }
    }

    private func nextLine() async throws -> ByteLine? {
        defer { held = nil }
        if let held { return held }
        return try await lines.nextOfStream()
    }

    /// What the stream consists of, by its next line that is a delivery of either kind; nil at the end of input. Lines before it that are
    /// none are handed to `keep`, so that their producer need not wait for the others.
    func kind(keep: @Sendable (DeadLetter) async throws -> Void) async throws -> Kind? {
        while let line = try await nextLine() {
            do {
                let isRecorded = line.text.map(DeliveryLine.isRecorded) ?? false
                _ = isRecorded ? try line.trace().message : try line.delivery().message(at: .distantPast)
                held = line
                return isRecorded ? .recorded : .live
            } catch { try await keep(letter(line, error)) }
        }
        return nil
    }

    /// The deliveries of a live stream that have come, at least one; nil at the end of input.
    func nextDeliveries() async throws -> [StreamedDelivery]? {
        guard let first = try await nextLine() else { return nil }
        var found = [delivery(first)]
        while found.count < Self.most, let line = lines.nextInMemory() { found.append(delivery(line)) }
        return found
    }

    private func delivery(_ line: ByteLine) -> StreamedDelivery {
        do { return .delivery(try line.delivery()) } catch { return .unreadable(letter(line, error)) }
    }

    /// The same line gets the same id wherever it stands, so that a stream that is sent again has one letter of it.
    private func letter(_ line: ByteLine, _ error: TraceError) -> DeadLetter {
        let body = String(decoding: line.bytes, as: UTF8.self)
        return DeadLetter(
            id: EventID("line-\(StableHash.hexadecimal("\(line.length) \(body)"))"), source: "stream", reason: .malformed,
            detail: "\(lines.name):\(line.number) (byte \(line.offset)): \(error); deliver it again as one JSON object on one line",
            body: Redaction.remains(of: line.bytes), receivedAt: .distantPast)
    }
}

extension Acceptance {
    /// What `ACK` says of it: its id, and that nobody could use it.
    var acknowledged: String {
        if case .deadLetter(let id, let reason) = self { "\(id) dead-letter \(reason.rawValue)" } else { id.rawValue }
    }
}

extension DeadLetter {
    /// `ACK` says of a line that is none where it stood, since its producer does not know the id.
    var acknowledgement: String { "ACK \(id) dead-letter \(detail)" }
}
