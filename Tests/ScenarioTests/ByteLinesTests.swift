import A2PApp
import Bridge
import Commands
import Events
import Foundation
import Testing

/// Reading line by line says the same as reading everything at once, wherever the pieces end.
@Suite struct ByteLinesTests {
    private let path = NSTemporaryDirectory() + "lockstep-lines-\(UUID().uuidString)"

    private struct Line: Equatable {
        let number: Int
        let offset: Int
        let text: String
    }

    /// What is to come out, by splitting all of it.
    private func expected(_ bytes: [UInt8]) -> [Line] {
        var offset = 0
        var lines: [Line] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if !line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) {
                let isTooLong = line.count > ByteLines.limit
                lines.append(
                    Line(number: index + 1, offset: offset, text: String(decoding: isTooLong ? line.prefix(1024) : line, as: UTF8.self)))
            }
            offset += line.count + 1
        }
        return lines
    }

    private func all(_ path: String, from offset: Int = 0) throws -> [Line] {
        let lines = try ByteLines(path: path, from: offset)
        var found: [Line] = []
        while let line = try lines.next() {
            found.append(Line(number: line.number, offset: line.offset, text: String(decoding: line.bytes, as: UTF8.self)))
        }
        return found
    }

    private func random(_ random: inout SeededRandom) -> [UInt8] {
        let lengths = [
            0, 0, 1, 2, 100, 65_535, 65_536, 65_537, 131_072, ByteLines.limit - 1, ByteLines.limit, ByteLines.limit + 1, 3_000_000,
        ]
        var bytes: [UInt8] = []
        for number in 0..<Int.random(in: 1...12, using: &random) {
            let length = lengths.randomElement(using: &random) ?? 0
            let filler = UInt8(ascii: Bool.random(using: &random) ? "x" : " ")
            bytes += Array(repeating: filler, count: length)
            if Bool.random(using: &random) { bytes += "line \(number)".utf8 }
            if Bool.random(using: &random) { bytes.append(UInt8(ascii: "\r")) }
            bytes.append(UInt8(ascii: "\n"))
        }
        if Bool.random(using: &random) { bytes.removeLast() }
        return bytes
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func linesAreWhatSplittingSays(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let bytes = self.random(&random)
        try Data(bytes).write(to: URL(filePath: path))
        let lines = try all(path)
        let expected = expected(bytes)
        // Blank lines over the limit are let go of before anybody knows that they are blank.
        #expect(lines.filter { !$0.text.allSatisfy(\.isWhitespace) } == expected.filter { !$0.text.allSatisfy(\.isWhitespace) })
        for line in lines { #expect(try all(path, from: line.offset).first?.text == line.text, "a line is found again at its offset") }
        let stream = try ByteLines(path: path)
        var numbers: [Int] = []
        while let line = try await stream.nextOfStream() { numbers.append(line.number) }
        #expect(numbers == lines.map(\.number))
        try FileManager.default.removeItem(atPath: path)
    }

    /// Files in any order are one trace in order of receipt, and what is early comes in order of happening.
    @Test(arguments: 0..<20 as Range<UInt64>) func filesAreOneTraceInOrder(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let start = Timestamp(milliseconds: 1_772_442_000_000)
        let lines = (0..<60).map { index in
            let at = start + .seconds(Int.random(in: 0...40, using: &random))
            return TraceLine(
                receivedAt: at, occurredAt: Bool.random(using: &random) ? at + .seconds(Int.random(in: -9...9, using: &random)) : nil,
                source: index % 7 == 0 ? .world : "tcr", body: ["n": .integer(index)])
        }
        let isOrdered = seed.isMultiple(of: 2)
        let written =
            isOrdered
            ? lines.enumerated().sorted { ($0.element.receivedAt, $0.offset) < ($1.element.receivedAt, $1.offset) }.map(\.element) : lines
        let cut = Int.random(in: 0...60, using: &random)
        let paths = try [written[..<cut], written[cut...]].enumerated().map { index, part in
            let path = "\(path)-\(index)"
            try Data(part.map { "\n" + $0.text + "\r\n" }.joined().utf8).write(to: URL(filePath: path))
            return path
        }
        var files = try TraceFiles(paths)
        #expect(files.count == 60)
        let again = try TraceFiles(paths)
        #expect(again.digest == files.digest)
        var received: [TraceLine] = []
        while let line = try files.nextReceived() { received.append(line) }
        #expect(
            received
                == written.enumerated().sorted { ($0.element.receivedAt, $0.offset) < ($1.element.receivedAt, $1.offset) }.map(\.element))
        var early: [TraceLine] = []
        while let line = try files.nextEarly() { early.append(line) }
        let isEarly = { (line: TraceLine) in line.source == .world || (line.occurredAt ?? line.receivedAt) < line.receivedAt }
        let happened = { (line: TraceLine) in line.source == .world ? Timestamp.distantPast : line.occurredAt ?? line.receivedAt }
        #expect(
            early
                == written.filter(isEarly).enumerated().sorted { (happened($0.element), $0.offset) < (happened($1.element), $1.offset) }
                .map(\.element))
        try Data((written[0].text + "\n" + written[0].text).utf8).write(to: URL(filePath: paths[0]))
        #expect(try TraceFiles(paths).digest != again.digest)
    }
}
