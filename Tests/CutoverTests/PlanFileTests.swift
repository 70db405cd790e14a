import Cutover
import HybridRouter
import Outcomes
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
            name: "glob is no text", yaml: head + "  - { step: 1, title: a, stage: legacy, expects: { facts: [{ a: b }] } }\n", line: 4,
            says: ["a text", "a mapping"]),
        Refusal(
            name: "aliases of aliases as a key",
            yaml: head + "  - {? [&a [x,x], &b [*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b]] : 1, *c : 2}\n", line: 4, says: ["at most 8 aliases"]),
        Refusal(
            name: "unknown expectation", yaml: head + "  - { step: 1, title: a, stage: legacy, expects: { fact: [] } }\n", line: 4,
            says: ["'fact'", "effects, facts"]),
    ]

    @Test("refused", arguments: refusals)
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
                + "    expects: { facts: [\"x/*\"], effects: [\"y.*\", z] }\n",
            file: "p.yaml")
        let added = PlannedStep(
            number: "1.10", title: "Added", stage: .canary(percent: 10), isAdded: true,
            expects: ExpectedDifferences(facts: ["x/*"], effects: ["y.*", "z"]))
        #expect(plan == MigrationPlan(name: "p", version: 1, steps: [.init(number: "1", title: "First", stage: .legacy), added]))
        #expect(plan.expected == added.expects)
    }
}
