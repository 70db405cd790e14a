import A2PRegistration
import Events
import Foundation
import LegacyFixtures
import Outcomes
import Testing

/// What producers send, and what becomes of it: nothing that one line says stops the lines after it.
@Suite struct StreamTests {
    private let folder: String
    /// R-900001, as text.
    private let lines: [String]

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-stream-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        lines = try Lockstep.lines("happy-private-profit").map(\.text)
    }

    private func file(_ name: String, _ bytes: Data) throws -> String {
        try bytes.write(to: URL(filePath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }

    private func file(_ name: String, _ text: String) throws -> String { try file(name, Data(text.utf8)) }

    private func stream(_ path: String, to database: String, _ arguments: String...) throws -> Lockstep.Result {
        let database = "\(folder)/\(database)"
        return try Lockstep.run(
            ["run", "--events", "-", "--database", database, "--outcomes", database + ".outcomes"] + arguments, input: path)
    }

    private func outcomes(_ database: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(database).outcomes", encoding: .utf8)
    }

    private func acknowledged(_ result: Lockstep.Result) -> [Substring] {
        result.output.split(separator: "\n").filter { $0.hasPrefix("ACK ") }
    }

    @Test(arguments: ["\n\n", "\r\n", " \t \n", "\n\r\n \n"]) func blankLinesAreNothing(blank: String) throws {
        let text = blank + lines.joined(separator: "\n" + blank) + "\n" + blank
        let path = try file("blank.jsonl", text)
        let streamed = try stream(path, to: "s.sqlite", "--drain")
        #expect(streamed.code == 0)
        #expect(acknowledged(streamed).count == lines.count)
        let played = try Lockstep.run(["run", path, "--database", "\(folder)/f.sqlite", "--outcomes", "\(folder)/f.sqlite.outcomes"])
        #expect(played.code == 0)
        #expect(try outcomes("f.sqlite") == outcomes("s.sqlite"))
    }

    @Test func linesMayEndInCarriageReturns() throws {
        let streamed = try stream(try file("crlf.jsonl", "\u{FEFF}" + lines.joined(separator: "\r\n") + "\r\n"), to: "s.sqlite")
        #expect(streamed.code == 0)
        #expect(acknowledged(streamed).count == lines.count)
        #expect(!streamed.output.contains("dead-letter"))
    }

    static let unreadable: [(String, Data)] = [
        ("torn", Data(#"{"receivedAt":"2026-03-02T09:00:36.000Z","source":"#.utf8)), ("no JSON", Data("hello".utf8)),
        ("no object", Data("[1]".utf8)), ("no time", Data(#"{"source":"tcr","body":{}}"#.utf8)),
        ("a time that is none", Data(#"{"receivedAt":"soon","source":"tcr","body":{}}"#.utf8)),
        ("not UTF-8", Data(#"{"receivedAt":"2026-03-02T09:00:36.000Z","source":"tcr","body":""#.utf8) + [0xFF, 0xFE] + Data("\"}".utf8)),
        ("nested too deep", Data(String(repeating: "[", count: 100_000).utf8)),
        ("longer than a line may be", Data(String(repeating: "x", count: 3_000_000).utf8)),
    ]

    @Test(arguments: unreadable) func whatCannotBeReadIsADeadLetterAndTheStreamGoesOn(name: String, bad: Data) throws {
        let break_ = Data("\n".utf8)
        let good = lines.map { Data($0.utf8) + break_ }
        let path = try file("bad.jsonl", good[0] + bad + break_ + good[1...].reduce(Data(), +))
        let first = try stream(path, to: "s.sqlite", "--format", "json")
        #expect(first.code == 0)
        #expect(acknowledged(first).count == lines.count + 1)
        let place = "dead-letter standard input:2 (byte \(good[0].count))"
        #expect(acknowledged(first)[1].contains(place), "\(acknowledged(first)[1])")
        #expect(first.output.hasSuffix("}\n") && first.output.contains(#""deadLettersByReason":{"malformed":1}"#))
        let again = try stream(path, to: "s.sqlite", "--format", "json")
        #expect(acknowledged(again) == acknowledged(first))
        #expect(again.output.contains(#""deadLettersByReason":{"malformed":1}"#), "the same line is the same letter")
    }

    @Test(arguments: unreadable) func whatCannotBeReadInAFileIsRefusedBeforeAnythingIsPlayed(name: String, bad: Data) throws {
        let head = Data(("\n" + lines[0] + "\r\n\r\n" + lines[1] + "\n").utf8)
        let path = try file("bad.jsonl", head + bad + Data("\n".utf8))
        let result = try Lockstep.run(["run", path, "--database", "\(folder)/f.sqlite"])
        #expect(result.code == 2)
        #expect(result.error.contains("bad.jsonl:5: "), "\(result.error)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/f.sqlite"))
    }

    @Test(arguments: ["evil\nACK c-forged", "evil\r\u{1B}[2K\rACK c-forged", "a\u{2028}ACK c-forged", "a\u{202E}b", "a\u{7F}\u{9B}2J"])
    func anIdForgesNothing(id: String) throws {
        var line = try TraceLine(parsing: lines[0])
        line.body["id"] = .string(id)
        let result = try stream(try file("id.jsonl", line.text + "\n"), to: "s.sqlite")
        #expect(acknowledged(result).count == 1)
        #expect(result.output.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.isASCII && $0.value != 0x7F) })
        let first = acknowledged(result)[0]
        #expect(first.contains("\\u") || first.hasPrefix("ACK customer-"), "escaped, or an id of ours in its place: \(first)")
    }

    @Test func theEndOfInputIsNotTheEndOfTime() throws {
        let lines = try merged(["happy-private-profit", "m10-stale-rejection", "vetting-failed-appeal-scored", "happy-sole-proprietor"])
        let whole = try stream(try file("whole.jsonl", lines.joined()), to: "whole.sqlite")
        #expect(whole.code == 0)
        for count in [1, lines.count / 3, lines.count / 2, lines.count - 1] {
            let database = "halves-\(count).sqlite"
            _ = try stream(try file("a.jsonl", lines[..<count].joined()), to: database)
            _ = try stream(try file("b.jsonl", lines[count...].joined()), to: database)
            #expect(try outcomes(database) == outcomes("whole.sqlite"), "\(count) of \(lines.count) lines, then the others")
        }
    }

    @Test func drainingPlaysToTheEndAsFilesDo() throws {
        let path = try file("whole.jsonl", try merged(["happy-private-profit", "vetting-failed-appeal-scored"]).joined())
        _ = try stream(path, to: "s.sqlite", "--drain")
        _ = try Lockstep.run(["run", path, "--database", "\(folder)/f.sqlite", "--outcomes", "\(folder)/f.sqlite.outcomes"])
        #expect(try outcomes("s.sqlite") == outcomes("f.sqlite"))
    }

    private func merged(_ fixtures: [String]) throws -> [String] {
        try fixtures.flatMap { try Lockstep.lines($0) }.sorted { $0.receivedAt < $1.receivedAt }.map { $0.text + "\n" }
    }

    @Test func aReadErrorIsNotTheEndOfInput() throws {
        let result = try Lockstep.run(["run", "--events", folder, "--database", "\(folder)/s.sqlite"])
        #expect(result.code == 3)
        #expect(result.error.contains("expected to read on"))
    }

    @Test(arguments: [
        ["machine"], ["--help"], ["run", "--format", "json"], ["generate", "--registrations", "1", "--output", "/dev/full"],
    ])
    func aResultThatCannotBeWrittenIsAnError(arguments: [String]) throws {
        let process = try Lockstep.process(arguments + (arguments[0] == "run" ? ["--database", "\(folder)/s.sqlite"] : []))
        process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 3)
    }

    @Test func aPipeWithoutAReaderIsAnError() throws {
        let process = try Lockstep.process(["machine", "--matrix"])
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try pipe.fileHandleForReading.close()
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 3)
    }

    @Test func outcomesThatCannotBeWrittenAreAnError() throws {
        let result = try Lockstep.run(["run", "--database", "\(folder)/s.sqlite", "--outcomes", "/dev/full"])
        #expect(result.code == 3)
        #expect(result.error.contains("/dev/full: expected a file that can be written"))
    }

    @Test func aDashIsNoNameOfAFile() throws {
        let result = try Lockstep.run(["run", "--database", "\(folder)/s.sqlite", "--outcomes", "-"])
        #expect(result.code == 2)
        #expect(result.error.hasPrefix("lockstep: -: expected the name of a file, found a dash"))
    }

    /// A word that is close to a verb brings a suggestion, one that is close to none does not.
    @Test(
        arguments: [
            (["reprot"], "report"), (["simluate", "--seed", "7"], "simulate"), (["workflow", "lst"], "list"),
            (["migrate", "hlat"], "halt"),
            (["frobnicate"], nil), (["workflow", "list", "--databse", "x"], nil),
        ] as [([String], String?)]) func aMisspeltVerbBringsASuggestion(arguments: [String], verb: String?) throws
    {
        let result = try Lockstep.run(arguments)
        #expect(result.code == 2)
        #expect(result.error.hasSuffix(verb.map { "Did you mean '\($0)'?\n" } ?? "") && (verb != nil || !result.error.hasSuffix("'?\n")))
    }

    @Test(arguments: ["0001-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "2099-03-02T09:00:00.000Z", "9999-12-31T23:59:59.000Z"])
    func aTimeThatCannotBeMeantAgesNobody(time: String) throws {
        var odd = try TraceLine(parsing: lines[1])
        odd.receivedAt = try #require(Timestamp(time))
        odd.body["id"] = "odd-1"
        let plain = try file("plain.jsonl", lines.joined(separator: "\n"))
        let mixed = try file("mixed.jsonl", ([lines[0], odd.text] + lines[1...]).joined(separator: "\n"))
        _ = try stream(plain, to: "plain.sqlite", "--drain")
        let streamed = try stream(mixed, to: "s.sqlite", "--drain", "--format", "json")
        #expect(acknowledged(streamed).count == lines.count + 1)
        #expect(streamed.output.contains(#""deadLettersByReason":{"implausible-time":1}"#))
        #expect(try outcomes("s.sqlite") == outcomes("plain.sqlite"))
        let played = try Lockstep.run(["run", mixed, "--database", "\(folder)/f.sqlite", "--outcomes", "\(folder)/f.sqlite.outcomes"])
        #expect(played.code == 0)
        #expect(try outcomes("f.sqlite") == outcomes("plain.sqlite"))
    }
}
