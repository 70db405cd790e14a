import Foundation
import Lockstep
import Testing

/// The command line that a user's few lines make, as real processes.
@Suite struct VerbTests {
    private let folder: String
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    init() throws {
        folder = NSTemporaryDirectory() + "parcel-verbs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func process(_ arguments: [String]) throws -> Process {
        let beside = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
        let places = [beside, "\(Self.root)/.build/debug"].compactMap { $0 }.map { "\($0)/parcel-claims" }
        let process = Process()
        process.executableURL = URL(filePath: try #require(places.first { FileManager.default.isExecutableFile(atPath: $0) }))
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: Self.root)
        process.environment = ["XDG_CACHE_HOME": folder, "PARCEL_CLAIMS_PARTIES": folder + "/parties", "SWIFT_BACKTRACE": "enable=no"]
        return process
    }

    private func run(_ arguments: String..., input: String = "") throws -> (code: Int32, output: String, error: String) {
        try run(arguments, input: input)
    }

    private func run(_ arguments: [String], input: String = "") throws -> (code: Int32, output: String, error: String) {
        let process = try process(arguments)
        let (output, error) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, error)
        let file = folder + "/input-\(UUID().uuidString)"
        try Data(input.utf8).write(to: URL(filePath: file))
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: file))
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        let sentence = try error.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self), String(decoding: sentence, as: UTF8.self))
    }

    private func line(_ id: String, _ kind: String, _ claim: String) -> String {
        #"{"source":"depot","body":{"id":"\#(id)","kind":"\#(kind)","claim":"\#(claim)"}}"# + "\n"
    }

    @Test(arguments: ["legacy", "hybrid"]) func theScenariosEndAsTheySay(mode: String) throws {
        let run = try run("run", "--mode", mode, "--format", "json")
        #expect(run.code == 0, "\(run.error)")
        #expect(try JSONValue(parsing: run.output)["entities"] == 3)
    }

    @Test func bothPathsAgree() throws {
        let compare = try run("compare", "--format", "json")
        #expect(compare.code == 0, "\(compare.error)")
        #expect(try JSONValue(parsing: compare.output)["mismatched"] == 0)
    }

    /// Without a simulation the bugs of the hand-off are left out; the photo is no part of what a claim comes to.
    @Test func bugsInItsStepAreFound() throws {
        let mutants = try run("mutants", "--format", "json")
        #expect(mutants.code == 1, "\(mutants.error)")
        let score = try JSONValue(parsing: mutants.output)
        #expect(score["expressible"] == 6)
        #expect(score["survivors"] == ["7 step 1.1: photo is not written back"])
    }

    @Test func theReportIsAboutClaims() throws {
        let report = try run("report", "--output", folder + "/report")
        #expect(report.code == 0, "\(report.error)")
        let html = try String(contentsOfFile: folder + "/report/report.html", encoding: .utf8)
        #expect(html.contains("Parcel claims") && html.contains("What adding a step costs") && !html.lowercased().contains("registration"))
    }

    @Test(arguments: [
        [], ["run"], ["compare"], ["machine"], ["report"], ["history", "list"], ["history", "show"], ["migrate", "status"],
        ["migrate", "recall"], ["workflow", "list"], ["schedule", "create"], ["patch", "report"], ["simulate"],
        ["explore"], ["mutants"],
    ]) func helpSpeaksOfThisProgram(verb: [String]) throws {
        let process = try process(verb + ["--help"])
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(text.contains("parcel-claims"))
        for word in ["lockstep ", "registration", "A2P"] { #expect(!text.contains(word), "\(verb) says \(word)") }
    }

    @Test func aDomainWithoutASimulatedOutsideSaysSo() throws {
        for verb in [["generate", "--entities", "3", "--output", folder + "/trace.jsonl"], ["simulate"]] {
            let process = try process(verb)
            let error = Pipe()
            process.standardError = error
            try process.run()
            let text = String(decoding: try error.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 2)
            #expect(text.contains("expected a domain with a simulated outside"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder + "/trace.jsonl"))
    }

    @Test func theMachineIsComparedWithAnExport() throws {
        let cost = try run("machine", "--diff", "1.1")
        #expect(cost.code == 0 && cost.output.contains("new states: 1\n  PHOTO_PENDING"), "\(cost.error)")
        let other = try run("machine", "--diff", "2")
        #expect(other.code == 2 && other.error.contains("whose cost was measured (1.1)"), "\(other.error)")
        let export = try run("machine", "--format", "json").output
        let file = folder + "/before.json"
        try Data(export.utf8).write(to: URL(filePath: file))
        #expect(try run("machine", "--against", file).code == 0)
        try Data(export.replacingOccurrences(of: "CHECKED", with: "SEEN").utf8).write(to: URL(filePath: file))
        let changed = try run("machine", "--against", file)
        #expect(changed.code == 1 && changed.output.contains("states that are gone: 1\n  SEEN"), "\(changed.output)")
    }

    /// The whole life of a claim in three live runs, one of which is stopped by a recall.
    @Test func aClaimLivesThroughThreeRuns() throws {
        let database = folder + "/work.sqlite"
        let first = try run(
            "run", "--events", "-", "--live", "--database", database,
            input: line("1", "claim.filed", "P-1") + line("2", "check.passed", "P-1"))
        #expect(first.code == 0, "\(first.error)")
        #expect(first.output.hasPrefix("ACK 1\nACK 2\n"))
        let status = try run("migrate", "status", "--database", database, "--format", "json")
        #expect(try JSONValue(parsing: status.output)["durable"] == 1)
        #expect(try JSONValue(parsing: status.output)["claims"] == 1)
        let twice = try run("run", "--events", "-", "--live", "--database", database, input: line("2", "check.passed", "P-1"))
        #expect(twice.output.hasPrefix("ACK 2\n"), "a delivery that is known is acknowledged again")
        let last = try run(
            "run", "--events", "-", "--live", "--database", database, "--outcomes", folder + "/outcomes.jsonl",
            input: line("3", "photo.received", "P-1"))
        #expect(last.code == 0, "\(last.error)")
        let outcomes = try String(contentsOfFile: folder + "/outcomes.jsonl", encoding: .utf8)
        #expect(outcomes == #"{"claim":"P-1","facts":{"photo":true},"state":"CLOSED","status":"paid"}"# + "\n")
        let parties = try FileManager.default.contentsOfDirectory(atPath: folder + "/parties").sorted()
        #expect(parties == ["P-1-1.1-mail.askForPhoto-1", "P-1-2-bank.pay-1"])
        let compare = try run("compare", "--of", database, "--format", "json")
        #expect(compare.code == 0, "\(compare.error)")
        #expect(try JSONValue(parsing: compare.output)["expectedDifferences"] == 1)
        let report = try run("report", "--of", database, "--output", folder + "/stored")
        #expect(report.code == 0, "\(report.error)")
        let page = try String(contentsOfFile: folder + "/stored/report.md", encoding: .utf8)
        #expect(page.contains("Parcel claims"))
        let unknown = try run("history", "show", "P-2", "--database", database)
        #expect(unknown.code == 2)
        #expect(unknown.error.contains("expected a claim of"))
    }

    @Test func claimsComeInFromAnotherDatabase() throws {
        let database = folder + "/imported.sqlite"
        let records = folder + "/records.jsonl"
        let lines = ["OPEN", "CHECKED", "CLOSED", "NOWHERE"].enumerated().map { index, state in
            #"{"entity":"P-\#(index)","state":"\#(state)","record":{"photo":false,"paid":false},"createdAt":"2026-02-01T08:00:00.000Z"}"#
        }
        try Data((lines.joined(separator: "\n") + "\nno record\n").utf8).write(to: URL(filePath: records))
        let dry = try run("import", records, "--dry-run", "--format", "json")
        #expect(dry.code == 1)
        #expect(try JSONValue(parsing: dry.output)["imported"] == 3)
        let first = try run("import", records, "--database", database)
        #expect(first.code == 1)
        #expect(first.output.contains("5 lines: 3 taken in, 0 known before, 2 refused"))
        #expect(first.output.contains(":4: P-3: expected a state of parcel-claim, found NOWHERE"))
        let second = try run("import", records, "--database", database, "--format", "json")
        #expect(try JSONValue(parsing: second.output)["known"] == 3)
        let live = try run(
            "run", "--events", "-", "--live", "--database", database, "--format", "json",
            input: line("1", "photo.received", "P-1") + line("2", "claim.withdrawn", "P-0"))
        #expect(live.code == 0, "\(live.error)")
        #expect(live.output.contains(#""paid":1"#))
        let compare = try run("compare", "--of", database, "--format", "json")
        #expect(try JSONValue(parsing: compare.output)["incomparable"]?.array?.count == 3, "they began elsewhere")
    }

    /// Verbs that change workflows and schedules are carried out by the process that runs.
    @Test func operatorsWorkBesideTheRun() throws {
        let database = folder + "/beside.sqlite"
        let process = try process(["run", "--events", "-", "--live", "--database", database])
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        try input.fileHandleForWriting.write(
            contentsOf: Data((line("1", "claim.filed", "P-1") + line("2", "check.passed", "P-1")).utf8))
        var seen = Data()
        while seen.count(where: { $0 == UInt8(ascii: "\n") }) < 2 { seen += output.fileHandleForReading.availableData }
        var segments = ""
        while !segments.contains("P-1/2") { segments = try run("workflow", "list", "--database", database).output }
        let unknown = try run("workflow", "terminate", "P-9/2", "--reason", "a mistake", "--database", database)
        #expect(unknown.code == 2)
        #expect(unknown.error.contains("P-9/2: expected"), "\(unknown.error)")
        let made = try run("schedule", "create", "nightly", "--type", "report", "--cron", "0 2 * * *", "--database", database)
        #expect(made.code == 0, "\(made.error)")
        #expect(try run("schedule", "list", "--database", database).output.contains("nightly"))
        #expect(try run("schedule", "delete", "nightly", "--database", database).code == 0)
        let signal = ["workflow", "signal", "P-1/2", "photo.received", "--id", "by-hand", "--database", database]
        let first = try run(signal)
        #expect(first.code == 0 && first.output == "delivered\n", "\(first)")
        #expect(try run(signal).output != "delivered\n", "the same id counts once")
        #expect(try run("workflow", "import", folder + "/none.json", "--database", database).code != 0)
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let rest = try run("doctor", "--database", database)
        #expect(rest.code == 0, "\(rest.output)")
    }

    /// `SIGKILL` at a moment that nobody chose: after every acknowledgement the process is killed, and the next goes on.
    @Test func aKilledRunGoesOn() throws {
        let database = folder + "/killed.sqlite"
        var wanted: [String] = []
        for number in 1...6 {
            let claim = "P-\(number)"
            for (index, kind) in ["claim.filed", "check.passed", "photo.received"].enumerated() {
                let process = try process(["run", "--events", "-", "--live", "--database", database])
                let (input, output) = (Pipe(), Pipe())
                (process.standardInput, process.standardOutput) = (input, output)
                try process.run()
                try input.fileHandleForWriting.write(contentsOf: Data(line("\(claim)-\(index)", kind, claim).utf8))
                var seen = Data()
                while !seen.contains(UInt8(ascii: "\n")) { seen += output.fileHandleForReading.availableData }
                #expect(String(decoding: seen, as: UTF8.self).hasPrefix("ACK \(claim)-\(index)\n"))
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            wanted += ["\(claim)-1.1-mail.askForPhoto-1", "\(claim)-2-bank.pay-1"]
        }
        let last = try run("run", "--events", "-", "--live", "--database", database, "--format", "json")
        #expect(last.code == 0, "\(last.error)")
        #expect(try JSONValue(parsing: last.output)["outcomes"]?["paid"] == 6)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/parties").sorted() == wanted.sorted())
    }
}
