import Events
import Foundation
import LegacyFixtures
import Testing

/// Planted names, tax ids, phone numbers, e-mail and street addresses come out nowhere, and are in no file once their registrations are
/// forgotten.
@Suite struct MarkerTests {
    private let folder: String
    private let database: String

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-markers-\(UUID().uuidString)"
        database = folder + "/db/work.sqlite"
        try FileManager.default.createDirectory(atPath: folder + "/db", withIntermediateDirectories: true)
    }

    private static let fixtures = [
        "vetting-cancelled", "m01-exact-duplicate", "happy-private-profit", "m13-expired-then-approved", "cancelled-in-numbers",
        "brand-submit-exhausted", "usecase-refused-twice", "intake-rejected-corrected", "m16-association-exhausted", "vetting-otp-never",
        "resubmission-never-confirmed",
    ]

    /// All planted deliveries in order of receipt; in the end every registration is cancelled.
    private func trace() throws -> [String] {
        let lines = try Self.fixtures.flatMap { try Lockstep.lines($0) }
        let registrations = Set(lines.compactMap { $0.body["registration"]?.string }).sorted()
        let end = try #require(lines.map(\.receivedAt).max()) + .days(1)
        let hostile = registrations.flatMap { Markers.hostile($0, brand: "BYIQ6CO", at: end) }
        let ends = registrations.map { registration in
            let body: JSONValue = [
                "id": .string("end-\(registration)"), "type": "registration.cancel", "registration": .string(registration),
                "data": ["reason": .string(Markers.text)],
            ]
            return TraceLine(receivedAt: end + .days(1), source: "customer", body: body)
        }
        let planted = lines.map(Markers.planted).sorted { $0.receivedAt < $1.receivedAt }.map(\.text)
        return planted + hostile + overrides(registrations, at: end) + ends.map(Markers.planted).map(\.text)
    }

    private func overrides(_ registrations: [String], at time: Timestamp) -> [String] {
        registrations.prefix(4).map { registration in
            let body: JSONValue = [
                "id": .string("hold-\(registration)"), "type": "support.override", "registration": .string(registration),
                "data": ["hold": true, "operator": .string(Markers.names[0]), "reason": .string(Markers.text)],
            ]
            return TraceLine(receivedAt: time, source: "support", body: body).text
        }
    }

    private func file(_ name: String, _ lines: [String]) throws -> String {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }

    private var plan: String { LegacyFixtures.folder + "/../Migrations/Plans/all-durable.yaml" }

    /// Every step is durable, and legacy follows.
    private func followedPlan() throws -> String {
        let text = try String(contentsOfFile: plan, encoding: .utf8)
        let followed = text.replacing("stage: durable }", with: "stage: durable, shadow: legacy }")
        return try file("followed.yaml", [followed.replacing("added: true", with: "added: true\n    shadow: legacy")])
    }

    private func plan(for mode: String) throws -> String {
        switch mode {
        case "shadow": try shadowPlan()
        case "followed": try followedPlan()
        default: plan
        }
    }

    /// The plan in which a shadow follows every step that legacy has.
    private func shadowPlan() throws -> String {
        let text = try String(contentsOfFile: plan, encoding: .utf8).replacing("stage: durable", with: "stage: shadow")
        return try file("shadow.yaml", [text.replacing("stage: shadow\n    added: true", with: "stage: legacy\n    added: true")])
    }

    /// Runs a verb, and looks at everything that it says.
    @discardableResult
    private func say(_ arguments: [String], codes: Set<Int32> = [0]) throws -> Lockstep.Result {
        let result = try Lockstep.run(arguments)
        #expect(codes.contains(result.code), "\(arguments): \(result.error)")
        for (stream, text) in [("output", result.output), ("error", result.error)] {
            #expect(Markers.found(in: Data(text.utf8)) == [], "\(stream) of \(arguments)")
        }
        return result
    }

    private func noMarker(in paths: [String]) {
        for path in paths {
            let bytes = FileManager.default.contents(atPath: path) ?? Data()
            #expect(!bytes.isEmpty || path.hasSuffix("-lock") || path.hasSuffix("-wal"), "\(path) is empty")
            #expect(Markers.found(in: bytes) == [], "\(path)")
        }
    }

    private func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
    }

    @Test func theMarkersAreFoundWhereTheyAre() throws {
        for marker in Markers.all { #expect(!Markers.found(in: Data("a \(marker) b".utf8)).isEmpty, "\(marker)") }
        let encoded = Data(Markers.names[0].utf8).base64EncodedString()
        #expect(!Markers.found(in: Data("{\"data\":\"\(encoded)\"}".utf8)).isEmpty)
    }

    @Test(arguments: ["legacy", "hybrid", "shadow", "followed"]) func noMarkerComesOut(mode: String) throws {
        let trace = try file("trace.jsonl", try trace())
        let stream = try file("stream.jsonl", Markers.unreadable)
        let options =
            ["--mode", mode == "legacy" ? mode : "hybrid", "--plan", try plan(for: mode), "--database", database]
        try say(
            [
                "run", "--events", trace, "--recorded", "--drain", "--format", "json", "--log", "trace", "--metrics", "\(folder)/metrics",
                "--outcomes", "\(folder)/outcomes",
            ]
                + options)
        try say(["run", "--events", stream, "--recorded"] + options)
        noMarker(in: ["\(folder)/metrics", "\(folder)/outcomes", database + ".effects.jsonl"])
        try lookAtEverything()
        let hasShadow = ["shadow", "followed"].contains(mode)
        if hasShadow {
            noMarker(in: [database + ".shadow"])
            #expect(try lookAtTheShadow().followed > 0)
        }
        let ended = try #require(
            Lockstep.run(["history", "list", "--database", database, "--format", "json"]).json?.array?.filter {
                ["CANCELLED", "FAILED", "EXPIRED"].contains($0["state"])
            }.compactMap { $0["registration"]?.string })
        #expect(ended.count == Self.fixtures.count)
        try say(["forget", "--dead-letters", "--database", database] + ended)
        noMarker(in: try files(in: folder + "/db"))
        try lookAtEverything()
        if hasShadow { #expect(try lookAtTheShadow().kept == 0) }
    }

    /// What a shadow says; returns how many visits were followed, and of how many something is kept.
    private func lookAtTheShadow() throws -> (followed: Int, kept: Int) {
        try say(["shadow", "--database", database], codes: [0, 1])
        let found = try #require(say(["shadow", "--database", database, "--limit", "1000", "--format", "json"], codes: [0, 1]).json)
        let steps = found["steps"]?.array ?? []
        func sum(_ names: String...) -> Int { names.reduce(0) { all, name in steps.reduce(all) { $0 + ($1[name]?.integer ?? 0) } } }
        let kept = sum("open") + (found["results"]?.array?.count ?? 0)
        return (sum("matched", "explained", "mismatched"), kept)
    }

    /// Every verb that shows something of a database.
    private func lookAtEverything() throws {
        for format in ["text", "json"] {
            for verb in ["history list", "migrate status", "migrate quarantine", "workflow list", "workflow quarantined"] {
                try say(verb.split(separator: " ").map(String.init) + ["--database", database, "--format", format])
            }
            let registrations = try Lockstep.run(["history", "list", "--database", database, "--format", "json"]).json?.array ?? []
            for id in registrations.compactMap({ $0["registration"]?.string }) {
                try say(["history", "show", id, "--database", database, "--format", format])
            }
            let runs = try Lockstep.run(["workflow", "list", "--database", database, "--format", "json"]).json?.array ?? []
            for id in runs.compactMap({ $0["workflow"]?.string ?? $0["id"]?.string }).prefix(4) {
                try say(["workflow", "describe", id, "--database", database, "--format", format])
                try say(["workflow", "history", id, "--database", database, "--format", format])
            }
        }
    }

    @Test func noMarkerIsInAReport() throws {
        let trace = try file("trace.jsonl", try trace())
        for format in ["text", "json"] {
            try say(
                [
                    "report", trace, "--plan", plan, "--database", "\(database).\(format)", "--output", "\(folder)/\(format)", "--format",
                    format,
                ],
                codes: [0, 1])
            noMarker(in: try files(in: "\(folder)/\(format)"))
            try say(["compare", trace, "--plan", plan, "--database", "\(database).\(format).compare", "--format", format], codes: [0, 1])
        }
    }

    @Test func noMarkerIsInARefusal() throws {
        for (number, line) in (Markers.unreadable + Markers.hostile("R-1", brand: "B1", at: Timestamp(milliseconds: 1_772_442_000_000)))
            .enumerated()
        {
            let trace = try file("refused.jsonl", [line])
            try say(["run", trace, "--database", "\(database).\(number)"], codes: [0, 2, 3])
            try say(["run", "--events", trace, "--database", "\(database).\(number).live"], codes: [0, 2, 3])
        }
    }
}
