import Cutover
import Events
import HybridRouter
import Outcomes
import ShadowComparator
import Testing

@Suite("A plan file is refused with file, line, expected, found and remedy")
struct PlanFileTests {
    struct Refusal: CustomTestStringConvertible, Sendable {
        let name: String
        let yaml: String
        let line: Int
        let says: [String]
        var testDescription: String { name }
    }

    static let head = "plan: p\nversion: 1\nsteps:\n"

    static let refusals = [
        Refusal(name: "empty file", yaml: "", line: 1, says: ["expected a plan", "an empty file"]),
        Refusal(name: "not a mapping", yaml: "- 1\n", line: 1, says: ["a plan as a mapping", "found a list"]),
        Refusal(name: "broken YAML", yaml: "plan: p\nversion: [1\n", line: 3, says: ["expected YAML"]),
        Refusal(name: "no steps", yaml: head, line: 3, says: ["at least one step", "found nothing"]),
        Refusal(name: "empty list", yaml: "plan: p\nversion: 1\nsteps: []\n", line: 3, says: ["at least one step", "an empty list"]),
        Refusal(name: "no name", yaml: "version: 1\nsteps: []\n", line: 1, says: ["expected 'plan'", "found none"]),
        Refusal(name: "version zero", yaml: "plan: p\nversion: 0\nsteps: []\n", line: 2, says: ["whole number from 1", "'0'"]),
        Refusal(
            name: "unknown key", yaml: head + "  - { step: 1, title: a, stage: legacy }\n  - { step: 2, titel: b, stage: legacy }\n",
            line: 5, says: ["'titel'", "title"]),
        Refusal(name: "key twice", yaml: "plan: p\nplan: q\nversion: 1\n", line: 1, says: ["every key once", "'plan' twice"]),
        Refusal(
            name: "out of order", yaml: head + "  - { step: 5.10, title: a, stage: legacy }\n  - { step: 5.2, title: b, stage: legacy }\n",
            line: 5, says: ["a step after 5.10", "found step 5.2"]),
        Refusal(
            name: "step twice", yaml: head + "  - { step: 5, title: a, stage: legacy }\n  - { step: 5, title: b, stage: legacy }\n",
            line: 5, says: ["a step after 5", "step 5 again"]),
        Refusal(
            name: "bad number", yaml: head + "  - { step: five, title: a, stage: legacy }\n", line: 4, says: ["a step number", "'five'"]),
        Refusal(
            name: "unknown stage", yaml: head + "  - step: 1\n    title: a\n    stage: live\n", line: 6, says: ["canary N", "'live'"]),
        Refusal(
            name: "no stage", yaml: head + "  - { step: 1, title: a }\n", line: 4, says: ["expected 'stage'", "found none"]),
        Refusal(
            name: "added is no flag", yaml: head + "  - { step: 1, title: a, stage: legacy, added: maybe }\n", line: 4,
            says: ["true or false", "'maybe'"]),
        Refusal(
            name: "shadow of somebody else", yaml: head + "  - { step: 1, title: a, stage: durable, shadow: durable }\n", line: 4,
            says: ["'shadow' as legacy", "'durable'"]),
        Refusal(
            name: "wildcards of earlier versions", yaml: head + "  - { step: 1, title: a, stage: legacy, expects: { facts: [a] } }\n",
            line: 4,
            says: ["'announces', one entry for each effect and fact", "'expects', whose wildcards explain whatever a step does"]),
        Refusal(
            name: "aliases of aliases as a key",
            yaml: head + "  - {? [&a [x,x], &b [*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c]] : 1, *d : 2}\n", line: 4,
            says: ["at most 16 aliases"]),
    ]

    static func announced(_ entry: String) -> String {
        head + "  - step: 1\n    title: a\n    stage: durable\n    announces:\n      - \(entry)\n"
    }

    static func ruled(_ kind: String, _ entry: String) -> String {
        head + "  - step: 1\n    title: a\n    stage: durable\n    \(kind):\n      - \(entry)\n"
    }

    static let entries = [
        Refusal(name: "no list", yaml: head + "  - { step: 1, title: a, stage: legacy, announces: x }\n", line: 4, says: ["as a list"]),
        Refusal(name: "a wildcard", yaml: announced("{ effect: \"vetting.*\", count: 1 }"), line: 8, says: ["the wildcard 'vetting.*'"]),
        Refusal(name: "a wildcard of a fact", yaml: announced("{ fact: \"v/*\" }"), line: 8, says: ["the fact's whole name", "'v/*'"]),
        Refusal(name: "no count", yaml: announced("{ effect: a.b }"), line: 8, says: ["expected 'count'", "found none"]),
        Refusal(name: "count of none", yaml: announced("{ effect: a.b, count: 0 }"), line: 8, says: ["a count like 1 or 0..3", "'0'"]),
        Refusal(name: "count backwards", yaml: announced("{ effect: a.b, count: 3..1 }"), line: 8, says: ["a count like", "'3..1'"]),
        Refusal(name: "count of words", yaml: announced("{ effect: a.b, count: some }"), line: 8, says: ["a count like", "'some'"]),
        Refusal(name: "count of a fact", yaml: announced("{ fact: a, count: 1 }"), line: 8, says: ["an effect that is added only"]),
        Refusal(name: "neither", yaml: announced("{ change: added }"), line: 8, says: ["'effect' or 'fact'", "none"]),
        Refusal(name: "both", yaml: announced("{ effect: a.b, fact: c, count: 1 }"), line: 8, says: ["'effect' or 'fact'", "both"]),
        Refusal(name: "other change", yaml: announced("{ fact: a, change: gone }"), line: 8, says: ["added or changed", "'gone'"]),
        Refusal(name: "condition", yaml: announced("{ fact: a, when: b }"), line: 8, says: ["'when' as a mapping", "'b'"]),
        Refusal(name: "negation", yaml: announced("{ fact: a, when: { b: { never: c } } }"), line: 8, says: ["'not' and values"]),
        Refusal(name: "no values", yaml: announced("{ fact: a, when: { b: [] } }"), line: 8, says: ["a list of values", "an empty list"]),
        Refusal(
            name: "an unsigned rule", yaml: ruled("ignores", "{ reason: a, owner: b, expires: 2026-03-01, place: c }"), line: 8,
            says: ["'signed'"]),
        Refusal(
            name: "a rule for ever", yaml: ruled("ignores", "{ reason: a, owner: b, signed: 2026-03-01, place: c }"), line: 8,
            says: ["'expires'"]),
        Refusal(
            name: "a rule that ends before it begins",
            yaml: ruled("ignores", "{ reason: a, owner: b, signed: 2026-03-01, expires: 2026-02-01, place: c }"), line: 8,
            says: ["a day after 'signed'"]),
        Refusal(
            name: "a rule about everything",
            yaml: ruled("ignores", "{ reason: a, owner: b, signed: 2026-03-01, expires: 2026-04-01, place: \"*/*\" }"), line: 8,
            says: ["which is everything"]),
        Refusal(
            name: "an intended difference without a fixture",
            yaml: ruled("intends", "{ what: a, why: b, owner: c, signed: 2026-03-01, expires: 2026-04-01, place: d }"), line: 8,
            says: ["'fixture'"]),
        Refusal(
            name: "no day", yaml: ruled("ignores", "{ reason: a, owner: b, signed: soon, expires: 2026-04-01, place: c }"), line: 8,
            says: ["a day like 2026-03-01", "'soon'"]),
    ]

    @Test("refused", arguments: refusals + entries)
    func refused(refusal: Refusal) {
        let error = #expect(throws: PlanError.self) { try MigrationPlan(yaml: refusal.yaml, file: "Plans/p.yaml") }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("Plans/p.yaml:\(refusal.line): expected "), "\(text)")
        #expect(text.hasSuffix("; correct the plan"), "\(text)")
        for part in refusal.says { #expect(text.contains(part), "\(text)") }
    }

    @Test("a full step is read")
    func full() throws {
        let plan = try MigrationPlan(
            yaml: Self.head
                + "  - { step: 1, title: First, stage: legacy }\n"
                + "  - step: 1.10\n    title: Added\n    stage: canary 10\n    added: true\n"
                + "    announces:\n"
                + "      - { effect: y.z, count: 1..3, when: &w { b: [c, d], e: { not: 7 } } }\n"
                + "      - { effect: 4/k.l, change: changed, members: [m, n] }\n"
                + "      - { fact: x/y, values: [1, two], when: *w }\n"
                + "    intends:\n"
                + "      - { what: W, why: Y, owner: O, signed: 2026-03-01, expires: 2026-04-01T12:00:00Z, fixture: f, place: fee/a }\n"
                + "      - { what: W, why: Y, owner: O, signed: 2026-03-01, expires: 2026-04-01, fixture: f,"
                + " parts: { event: a.b, in: S, from: 6, ends: { T: [U, V], X: Y } } }\n"
                + "    ignores:\n"
                + "      - { reason: R, owner: O, signed: 2026-03-01, expires: 2026-04-01, place: \"number/*\" }\n",
            file: "p.yaml")
        let march = try #require(Timestamp("2026-03-01T00:00:00Z"))
        let conditions = [Condition("b", isOneOf: ["c", "d"]), Condition("e", isNoneOf: ["7"])]
        let added = PlannedStep(
            number: "1.10", title: "Added", stage: .canary(percent: 10), isAdded: true,
            announces: [
                Announcement(step: "1.10", place: .effect("1.10", "y.z"), count: 1...3, conditions: conditions),
                Announcement(
                    step: "1.10", place: .effect("4", "k.l"), change: .changed, count: 0...Int(Int32.max), values: ["m", "n"]),
                Announcement(
                    step: "1.10", place: .fact("x/y"), count: 0...Int(Int32.max), values: ["1", "two"], conditions: conditions),
            ],
            rules: [
                DifferenceRule(
                    .intended, step: "1.10", scope: .place(Glob("fee/a")), reason: "W", why: "Y", owner: "O", signed: march,
                    expires: try #require(Timestamp("2026-04-01T12:00:00Z")), fixture: "f"),
                DifferenceRule(
                    .intended, step: "1.10",
                    scope: .parting(Parting(event: "a.b", state: "S", step: "6", ends: ["T": ["U", "V"], "X": ["Y"]])), reason: "W",
                    why: "Y", owner: "O", signed: march, expires: try #require(Timestamp("2026-04-01T00:00:00Z")), fixture: "f"),
                DifferenceRule(
                    .ignored, step: "1.10", scope: .place(Glob("number/*")), reason: "R", owner: "O", signed: march,
                    expires: try #require(Timestamp("2026-04-01T00:00:00Z"))),
            ])
        #expect(plan == MigrationPlan(name: "p", version: 1, steps: [.init(number: "1", title: "First", stage: .legacy), added]))
        #expect(plan.announcements == added.announces)
        #expect(plan.rules == added.rules)
    }
}
