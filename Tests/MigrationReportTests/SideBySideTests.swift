import Events
import HybridRouter
import MigrationReport
import Outcomes
import ShadowComparator
import Testing

@Suite("Two paths side by side")
struct SideBySideTests {
    /// Two random paths of one entity: moves of few moments, effects with and without a move that says so, timers.
    private struct Pair {
        let journals: [[JournalEntry]]
        let ledgers: [[LedgerEntry]]
        let timers: [[PlayedPath.Timer]]
        let differing: [LocatedEffect]

        init(seed: UInt64) {
            var random = SeededRandom(seed: seed, label: "side by side")
            let ledgers = (0..<2).map { _ in Self.ledger(&random) }
            journals = ledgers.map { Self.journal($0, &random) }
            timers = (0..<2).map { _ in
                (0..<Int.random(in: 0...2, using: &random)).map { .init(name: String($0), at: Self.moment(&random)) }
            }
            let observations = ledgers.map {
                Observation(entity: "R-1", path: "p", outcome: Outcome(status: "s", state: "S", facts: [:]), ledger: $0)
            }
            let comparator = Comparator()
            let comparison = comparator.compare(control: observations[0], candidate: observations[1])
            let isExplained = (0..<3).map { _ in Bool.random(using: &random) }
            differing = comparator.located(comparison, control: observations[0], candidate: observations[1]).enumerated().map {
                index, effect in
                isExplained[index % 3] ? effect.explained : effect
            }
            self.ledgers = ledgers
        }

        private static func moment(_ random: inout SeededRandom) -> Timestamp {
            Timestamp(milliseconds: Int64(Int.random(in: 0..<5, using: &random)) * 3_600_000)
        }

        private static func ledger(_ random: inout SeededRandom) -> [LedgerEntry] {
            var keys = Set<EffectKey>()
            return (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in
                let key = EffectKey(
                    entity: "R-1", step: Bool.random(using: &random) ? "5" : "6", visit: Int.random(in: 1...2, using: &random),
                    operation: ["a.b", "c.d"][Int.random(in: 0...1, using: &random)], ordinal: Int.random(in: 1...2, using: &random))
                guard keys.insert(key).inserted else { return nil }
                return LedgerEntry(
                    key: key, request: ["n": .integer(Int.random(in: 0...1, using: &random))], reply: [:], owner: .legacy, epoch: 1,
                    attempt: 1,
                    at: moment(&random))
            }.sorted { $0.at < $1.at }
        }

        private static func journal(_ ledger: [LedgerEntry], _ random: inout SeededRandom) -> [JournalEntry] {
            let row = RowReference(1, "x")
            let moves: [Move] = [
                .born(step: "5", state: "A"), .handled(row, from: "A", to: "B"), .handled(RowReference(2, "y"), from: "B", to: "B"),
                .signalled(row),
                .handedOff(["5"]), .entered("6", state: "B", used: []), .swept(rule: "r", sends: "timer"), .continued, .handedBack(to: "6"),
            ]
            let others = (0..<Int.random(in: 0...10, using: &random)).map { _ in
                (moment(&random), moves[Int.random(in: 0..<moves.count, using: &random)])
            }
            let performed = ledger.filter { _ in Bool.random(using: &random) }.map { ($0.at, Move.performed($0.key)) }
            return (others + performed).sorted { $0.0 < $1.0 }.map {
                JournalEntry(entity: "R-1", at: $0.0, owner: .legacy, epoch: 1, move: $0.1)
            }
        }

        func path(_ side: Int) -> PlayedPath {
            PlayedPath(name: ["legacy", "hybrid"][side], journal: journals[side], ledger: ledgers[side], timers: timers[side])
        }

        var sides: SideBySide { SideBySide(control: path(0), candidate: path(1), differing: differing) }
    }

    @Test("every move, every effect and every timer of a path is one of its events", arguments: 0..<300)
    func pathsLoseNothing(seed: UInt64) {
        let pair = Pair(seed: seed)
        for side in 0..<2 {
            let (events, ledger) = (pair.path(side).events, pair.ledgers[side])
            #expect(events.compactMap(\.effect).sorted() == Array(ledger.indices))
            let said = pair.journals[side].count { if case .performed = $0.move { true } else { false } }
            #expect(events.count == pair.journals[side].count - said + ledger.count + pair.timers[side].count)
            for event in events {
                guard let place = event.effect else { continue }
                #expect(event.at == ledger[place].at && event.kind == .effect)
            }
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.at <= $1.at })
        }
    }

    @Test("every event of both paths is in one cell, and in its order", arguments: 0..<300)
    func everythingOnce(seed: UInt64) {
        let pair = Pair(seed: seed)
        let lines = pair.sides.lines
        #expect(lines.compactMap(\.control?.event) == pair.path(0).events)
        #expect(lines.compactMap(\.candidate?.event) == pair.path(1).events)
        for line in lines {
            let moments = [line.control, line.candidate].compactMap { $0?.event.at }
            #expect(Set(moments) == [line.at])
        }
    }

    @Test("the paths the other way round are the same lines the other way round", arguments: 0..<300)
    func swapped(seed: UInt64) {
        let pair = Pair(seed: seed)
        let there = pair.sides
        let back = SideBySide(control: pair.path(1), candidate: pair.path(0), differing: pair.differing.map(\.swapped))
        #expect(back.lines.map { [$0.candidate, $0.control] } == there.lines.map { [$0.control, $0.candidate] })
        #expect(back.first?.path == there.first?.path)
    }

    @Test("what is marked as first is the first effect that nothing explains, or the first that differs", arguments: 0..<300)
    func first(seed: UInt64) {
        let pair = Pair(seed: seed)
        let unexplained = pair.differing.filter { !$0.difference.expected }
        let counting = unexplained.isEmpty ? pair.differing : unexplained
        let (left, right) = (Set(counting.compactMap(\.control)), Set(counting.compactMap(\.candidate)))
        let isIt = { (cell: SideBySide.Cell?, places: Set<Int>) in cell?.event.effect.map(places.contains) ?? false }
        let lines = pair.sides.lines
        let expected = lines.firstIndex { isIt($0.control, left) || isIt($0.candidate, right) }
        #expect(lines.firstIndex { $0.control?.mark == .first || $0.candidate?.mark == .first } == expected)
        #expect((pair.sides.first == nil) == counting.isEmpty)
        #expect(lines.count { $0.control?.mark == .first } <= 1 && lines.count { $0.candidate?.mark == .first } <= 1)
        let marked = lines.compactMap { $0.control?.mark == nil ? nil : $0.control?.event.effect }
        #expect(Set(marked) == Set(pair.differing.compactMap(\.control)))
    }

    @Test("equal paths are the same on every line, and fold to one", arguments: 0..<100)
    func equal(seed: UInt64) {
        let pair = Pair(seed: seed)
        let sides = SideBySide(control: pair.path(0), candidate: pair.path(0), differing: [])
        #expect(sides.lines.allSatisfy { $0.isSame })
        #expect(sides.lines.count == pair.path(0).events.count)
        let folded = SideBySideText().lines(of: sides, control: "a", candidate: "b")
        #expect(folded.count == 1 + (sides.lines.count > 2 ? 1 : sides.lines.count))
    }

    @Test("a line is never longer than the width, and a whole text has every line", arguments: [60, 80, 120, 200])
    func width(width: Int) {
        for seed in UInt64(0)..<100 {
            let sides = Pair(seed: seed).sides
            let lines = SideBySideText(width: width, isWhole: true).lines(of: sides, control: "legacy", candidate: "hybrid")
            #expect(lines.count == sides.lines.count + 1)
            #expect(lines.allSatisfy { $0.count <= width })
            #expect(SideBySideText(width: width).lines(of: sides, control: "legacy", candidate: "hybrid").allSatisfy { $0.count <= width })
        }
    }

    // MARK: One example

    private static func entry(_ time: String, _ owner: Owner, _ move: Move) -> JournalEntry {
        JournalEntry(
            entity: "R-1", at: Timestamp("2026-03-0\(time)Z") ?? .distantPast, owner: owner, epoch: owner == .durable ? 2 : 1, move: move)
    }

    private static func effect(_ operation: String, _ request: JSONValue, _ time: String, step: StepNumber = "5.2") -> LedgerEntry {
        LedgerEntry(
            key: EffectKey(entity: "R-1", step: step, operation: operation), request: request, reply: [:], owner: .durable, epoch: 2,
            attempt: 1, at: Timestamp("2026-03-0\(time)Z") ?? .distantPast)
    }

    private static let report = RowReference(4, "BRAND_IDENTITY_STATUS_UPDATE")

    @Test("reads like this")
    func golden() {
        let start = [
            Self.entry("2T09:00:00", .legacy, .born(step: "4", state: "DRAFT")), Self.entry("2T09:00:00", .legacy, .continued),
            Self.entry("2T09:00:00", .legacy, .entered("4", state: "BRAND_PENDING_IDENTITY", used: [])),
            Self.entry(
                "2T10:00:00", .legacy, .handled(RowReference(2, "BRAND_ADD"), from: "BRAND_PENDING_IDENTITY", to: "BRAND_PENDING_IDENTITY")),
            Self.entry("2T11:00:00", .legacy, .handled(Self.report, from: "BRAND_PENDING_IDENTITY", to: "BRAND_VERIFIED")),
            Self.entry("2T11:00:00", .legacy, .completed("4", visit: 1, used: [])),
        ]
        let fee = { (cents: Int) in
            Self.effect("billing.fee", ["amountCents": .integer(cents), "currency": "USD"], "3T11:00:00", step: "6")
        }
        let legacy =
            start + [
                Self.entry("2T11:00:00", .legacy, .entered("6", state: "CONTENT_REVIEW", used: [])),
                Self.entry("3T11:00:00", .legacy, .performed(fee(100).key)),
            ]
        let hybrid =
            start + [
                Self.entry("2T11:00:00", .durable, .handedOff(["5.2"])),
                Self.entry("3T11:00:00", .durable, .completed("5.2", visit: 1, used: [])),
                Self.entry("3T11:00:00", .legacy, .handedBack(to: "6")), Self.entry("3T11:00:00", .legacy, .performed(fee(200).key)),
            ]
        let order = Self.effect("vetting.order", ["brandId": "BN000A1", "contactEmail": "somebody@example.test"], "2T11:00:00")
        let control = PlayedPath(name: "legacy", journal: legacy, ledger: [fee(100)])
        let candidate = PlayedPath(
            name: "hybrid", journal: hybrid, ledger: [order, fee(200)],
            timers: [.init(name: "1", at: Timestamp("2026-03-03T11:00:00Z") ?? .distantPast)])
        let extra = Difference(
            layer: .effects, kind: .extra, path: "5.2/vetting.order/1", candidate: order.request, rule: "5.2/vetting.order added exactly 1")
        let changed = Difference(
            layer: .effects, kind: .changed, path: "6/billing.fee/1", control: fee(100).request, candidate: fee(200).request)
        let sides = SideBySide(
            control: control, candidate: candidate,
            differing: [
                LocatedEffect(difference: extra, control: nil, candidate: 0), LocatedEffect(difference: changed, control: 0, candidate: 1),
            ])
        let layout = SideBySideText(width: 100)
        let text =
            layout.lines(of: sides, control: "legacy", candidate: "hybrid") + [""]
            + layout.lines(of: [changed, extra], first: sides.first, control: "legacy", candidate: "hybrid")
        #expect(text.joined(separator: "\n") == Self.example)
        #expect(sides.first == changed)
    }

    private static let example = """
                           legacy                                    hybrid
        …     4 lines on which both did the same
        03-02 11:00:00     BRAND_IDENTITY_ST… -> BRAND_VERIFIED      BRAND_IDENTITY_ST… -> BRAND_VERIFIED
                           complete step 4                           complete step 4
                           enter step 6 in CONTENT_REVIEW       |    hand off steps 5.2 to segment R-1/2
                                                                > ~  effect 5.2/vetting.order/1
        03-03 11:00:00                                          >    timer 1 fired
                                                                >    complete step 5.2
                                                                >    hand back to step 6
                        !! effect 6/billing.fee/1               | !! effect 6/billing.fee/1

        !! effects 6/billing.fee/1 changed: unexplained
             amountCents: legacy 100, hybrid 200
        ~  effects 5.2/vetting.order/1 extra: announced, 5.2/vetting.order added exactly 1
        """

    @Test("members that differ are named, and what is personal in them is not shown")
    func members() throws {
        let difference = Difference(
            layer: .effects, kind: .changed, path: "3/registry.submitBrand/1",
            control: ["ein": "12-3456789", "kind": "A", "same": 1, "contact": ["phone": "+1 555 555 0100"], "text": "call 555-555-0100"],
            candidate: ["ein": "98-7654321", "kind": "B", "same": 1, "contact": ["phone": "+1 555 555 0199"]])
        let members = difference.members
        #expect(members.map(\.name) == ["contact.phone", "ein", "kind", "text"])
        #expect(members.map(\.control) == ["[redacted]", "[redacted]", "A", "call [number]"])
        #expect(members.map(\.candidate) == ["[redacted]", "[redacted]", "B", nil])
        let lines = SideBySideText(width: 120).lines(of: [difference], first: difference, control: "legacy", candidate: "hybrid")
        #expect(lines.contains(#"     kind: legacy "A", hybrid "B""#))
        #expect(lines.contains(#"     ein: legacy "[redacted]", hybrid "[redacted]"; they differ in what is not shown"#))
        #expect(!lines.joined().contains { $0 == "9" })
    }

    @Test("a text that is too long keeps its ends, and of a transition the state that it leads to")
    func shortened() {
        let state = Self.entry("2T11:00:00", .legacy, .handled(Self.report, from: "BRAND_PENDING_IDENTITY", to: "BRAND_VERIFIED"))
        let path = PlayedPath(name: "legacy", journal: [state], ledger: [])
        let sides = SideBySide(control: path, candidate: PlayedPath(name: "hybrid", journal: [], ledger: []), differing: [])
        let text = { (width: Int) in SideBySideText(width: width).lines(of: sides, control: "l", candidate: "h")[1] }
        #expect(text(200).contains("BRAND_IDENTITY_STATUS_UPDATE BRAND_PENDING_IDENTITY -> BRAND_VERIFIED"))
        #expect(text(120).contains("BRAND_IDENTITY_STATUS_UPDATE -> BRAND_VERIFIED"))
        #expect(text(80).contains("…") && text(80).contains("… -> BRAND_VERIFIED <"))
    }
}

extension LocatedEffect {
    fileprivate var explained: LocatedEffect {
        let difference = Difference(
            layer: difference.layer, kind: difference.kind, path: difference.path, control: difference.control,
            candidate: difference.candidate,
            rule: "r")
        return LocatedEffect(difference: difference, control: control, candidate: candidate)
    }

    fileprivate var swapped: LocatedEffect {
        let kind: Difference.Kind = difference.kind == .extra ? .missing : difference.kind == .missing ? .extra : difference.kind
        let other = Difference(
            layer: difference.layer, kind: kind, path: difference.path, control: difference.candidate, candidate: difference.control,
            rule: difference.rule, explanation: difference.explanation)
        return LocatedEffect(difference: other, control: candidate, candidate: control)
    }
}
