import A2PRegistration
import Events
import Foundation
import HybridRouter
import SQLiteStorage
import Testing

/// Generated registrations, half of them with one delivery that comes other than it should: nothing ends or hangs, the other half ends as
/// without them, and every delivery is handled, a duplicate, late or a dead letter.
///
/// `LOCKSTEP_MUTATED_REGISTRATIONS` and `LOCKSTEP_MUTATION_SEEDS` make it larger, `LOCKSTEP_FIRST_MUTATION_SEED` lets it go on from a seed,
/// `LOCKSTEP_BINARY` names a release build, which is faster, as is a `TMPDIR` in memory.
@Suite struct MutationTests {
    private let folder: String
    private static let registrations = setting("LOCKSTEP_MUTATED_REGISTRATIONS") ?? 120
    private static let seeds = setting("LOCKSTEP_MUTATION_SEEDS") ?? 3
    private static let firstSeed = setting("LOCKSTEP_FIRST_MUTATION_SEED") ?? 1

    private static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-mutations-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    @Test func theOthersEndAsWithoutThem() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trace = try WholeTrace(registrations: Self.registrations, seed: 14, in: folder)
        let control = try PlayedStream(trace.lines.map { MutatedLine($0) }, "\(folder)/control")
        #expect(control.code == 0)
        #expect(control.books.problems(delivered: try trace.lines.reduce(0) { $0 + (try Books.events(in: Array($1.text.utf8))) }) == [])
        var tried: [String: Int] = [:]
        for seed in Self.firstSeed..<(Self.firstSeed + Self.seeds) {
            let mutated = MutatedTrace(trace, seed: UInt64(seed))
            for name in mutated.names.values { tried[name, default: 0] += 1 }
            let played = try PlayedStream(mutated.lines, "\(folder)/seed-\(seed)")
            check(played, mutated, control, seed)
            try played.remove()
            print("mutations: seed \(seed), of \(Self.seeds) from \(Self.firstSeed)")
        }
        #expect(Mutation.all.count >= 20)
        #expect(Self.registrations < 2 * Mutation.all.count || Set(tried.keys) == Set(Mutation.all.map(\.name)))
        print(
            "mutations: \(Self.registrations) registrations, \(Self.seeds) seeds, \(tried.values.reduce(0, +)) mutated deliveries of \(tried.count) kinds"
        )
    }

    private func check(_ played: PlayedStream, _ mutated: MutatedTrace, _ control: PlayedStream, _ seed: Int) {
        #expect(played.code == 0, "seed \(seed): ended with \(played.code): \(played.error.prefix(500))")
        #expect(played.acknowledged == mutated.deliveries, "seed \(seed): every delivery is acknowledged once")
        #expect(played.books.problems(delivered: mutated.events) == [], "seed \(seed)")
        #expect(unsaid(mutated.replaced) == [], "seed \(seed)")
        for (registration, outcome) in control.outcomes where mutated.names[registration] == nil {
            #expect(played.outcomes[registration] == outcome, "seed \(seed): \(registration) was not touched")
            #expect(played.effects[registration] == control.effects[registration], "seed \(seed): \(registration) was not touched")
        }
    }

    /// What the registry's deliveries say of a brand's identity stands in them as a whole word: no word verifies a brand by default.
    private func unsaid(_ lines: [MutatedLine]) -> [String] {
        var problems: [String] = []
        for line in lines {
            guard let text = String(validating: line.bytes, as: UTF8.self), let read = try? TraceLine(parsing: text),
                read.source == "tcr"
            else { continue }
            let words = Set(
                read.message.body.uppercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
            for case .event(let event) in TCRDecoder().decode(read.message) {
                if let said = event.payload["identityStatus"]?.string, !words.contains(said) {
                    problems.append("\(event.kind): identityStatus \(said) was not said")
                }
            }
        }
        return problems
    }

    /// The checks see what they are for.
    @Test func theBooksDoNotAddUpWhenSomethingIsLost() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trace = try WholeTrace(registrations: 3, seed: 14, in: folder)
        let played = try PlayedStream(trace.lines.map { MutatedLine($0) }, "\(folder)/lost")
        let delivered = try trace.lines.reduce(0) { $0 + (try Books.events(in: Array($1.text.utf8))) }
        #expect(played.books.problems(delivered: delivered) == [])
        #expect(played.books.problems(delivered: delivered + 1).count == 1)
        try played.execute("DELETE FROM inbox WHERE sequence = (SELECT max(sequence) FROM inbox WHERE source = 'tcr')")
        #expect(try Books(played.database).problems(delivered: delivered).count == 1)
        try played.execute(
            "UPDATE inbox SET disposition = 'pending' WHERE sequence = (SELECT min(sequence) FROM inbox WHERE source = 'tcr')")
        #expect(try Books(played.database).problems(delivered: delivered).count == 2)
    }
}

/// A trace of the simulated outside.
struct WholeTrace {
    let lines: [TraceLine]
    /// The lines of each registration that can be told to be its own.
    let own: [String: [Int]]

    init(registrations: Int, seed: Int, in folder: String) throws {
        let path = "\(folder)/generated.jsonl"
        let made = try Lockstep.run(["generate", "--registrations", String(registrations), "--seed", String(seed), "--output", path])
        try #require(made.code == 0, "\(made.error)")
        lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { try TraceLine(parsing: String($0)) }
        var own: [String: [Int]] = [:]
        let owners = Self.owners(registrations)
        for (index, line) in lines.enumerated() where !line.lost && line.source != .world {
            let named = Set(Self.texts(in: line.body).compactMap { owners[$0] })
            if named.count == 1, let registration = named.first { own[registration, default: []].append(index) }
        }
        self.own = own
    }

    /// Every id by which a sender can name a registration.
    private static func owners(_ registrations: Int) -> [String: String] {
        var owners: [String: String] = [:]
        for number in 1...registrations {
            let text = "R-" + String(String(1_000_000 + number).dropFirst())
            let entity = EntityID(text)
            let ids =
                [
                    text, SyntheticIDs.brand(entity), SyntheticIDs.campaign(entity), SyntheticIDs.brandSid(entity),
                    SyntheticIDs.campaignSid(entity), SyntheticIDs.bundleSid(entity), SyntheticIDs.vetting(entity),
                ] + (1...50).map { SyntheticIDs.numberSid(entity, index: $0) }
            for id in ids { owners[id] = text }
        }
        return owners
    }

    private static func texts(in value: JSONValue) -> [String] {
        switch value {
        case .string(let text): [text]
        case .array(let elements): elements.flatMap(texts)
        case .object(let members): members.values.flatMap(texts)
        default: []
        }
    }
}

/// The same with one delivery mutated of every second registration.
struct MutatedTrace {
    let lines: [MutatedLine]
    /// Which mutation touched which registration.
    let names: [String: String]
    /// What is delivered instead of what was.
    let replaced: [MutatedLine]

    init(_ trace: WholeTrace, seed: UInt64) {
        var names: [String: String] = [:]
        var replaced: [Int: [MutatedLine]] = [:]
        for (place, registration) in trace.own.keys.sorted().enumerated() where (place + Int(seed)).isMultiple(of: 2) {
            var random = SeededRandom(seed: seed, label: registration)
            guard let own = trace.own[registration], let index = own.randomElement(using: &random) else { continue }
            // Each kind in its turn, so that few registrations are enough for all of them.
            let mutation = Mutation.all[(place / 2 + 60 * Int(seed)) % Mutation.all.count]
            let next = own.first { $0 > index }.map { trace.lines[$0] }
            names[registration] = mutation.name
            replaced[index] = mutation.apply(trace.lines[index], next, &random)
        }
        let all = trace.lines.indices.flatMap { replaced[$0] ?? [MutatedLine(trace.lines[$0])] }
        lines = all.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
        self.names = names
        self.replaced = replaced.values.flatMap { $0 }
    }

    /// How many lines there are that are deliveries, or none at all.
    var deliveries: Int { lines.reduce(0) { $0 + Books.acknowledgements(of: $1.bytes) } }
    /// How many events, duplicates and dead letters come of them.
    var events: Int { lines.reduce(0) { $0 + ((try? Books.events(in: $1.bytes)) ?? 1) } }
}
