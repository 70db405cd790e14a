public import Events
public import Outcomes
import ShadowComparator

/// Why a plan is refused: where, expected, found, remedy.
public struct PlanError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}

/// The steps of a process as its code has them: what a plan can be about.
public struct ProcessSteps: Hashable, Sendable {
    /// The name of the legacy machine.
    public var machine: String
    /// The steps of the legacy machine.
    public var legacy: Set<StepNumber>
    /// The steps that exist as durable code.
    public var durable: Set<StepNumber>
    /// The steps after which legacy can hand over.
    public var boundaries: Set<StepNumber>
    /// The durable steps that can begin in a state in which legacy enters them.
    public var takesOver: Set<StepNumber>
    /// The durable steps that answer what belongs to no step (cancel, override) themselves.
    public var answering: Set<StepNumber>
    /// The events that the machine does not handle, by state; each of its states is a key.
    public var unhandled: [String: Set<EventKind>]
    /// The states in which an entity can be, where no durable step can take it over.
    public var unadopted: [String]
    /// True when the program has no legacy machine any more.
    public var isLegacyGone: Bool
    /// True when the legacy machine is a service, which nobody can run on what another one was told.
    public var isService = false
    /// The added steps whose code says where an entity that is past them makes up for them.
    public var madeUp: Set<StepNumber> = []

    /// Steps.
    public init(
        machine: String, legacy: Set<StepNumber>, durable: Set<StepNumber>, boundaries: Set<StepNumber>, takesOver: Set<StepNumber> = [],
        answering: Set<StepNumber> = [], unhandled: [String: Set<EventKind>] = [:], unadopted: [String] = [], isLegacyGone: Bool = false
    ) {
        self.machine = machine
        self.legacy = legacy
        self.durable = durable
        self.boundaries = boundaries
        self.takesOver = takesOver
        self.answering = answering
        self.unhandled = unhandled
        self.unadopted = unadopted
        self.isLegacyGone = isLegacyGone
    }
}

extension MigrationPlan {
    /// The most steps that a plan may have.
    public static let mostSteps = 1000

    /// Everything that keeps this plan from being run on a process of these steps; empty when nothing does. Each is one sentence.
    public func problems(for process: ProcessSteps) -> [String] {
        guard !steps.isEmpty, steps.count <= Self.mostSteps else {
            return [says("expected 1 to \(Self.mostSteps) steps, found \(steps.count); correct the plan")]
        }
        var problems = orderProblems() + missing(from: process) + positionProblems(process)
        for step in steps { problems += stepProblems(step, process) }
        guard problems.isEmpty else { return problems }
        // Behind the machine's last step an added one begins where the entity comes to a final state.
        let ends = process.boundaries.union(process.legacy.max().map { [$0] } ?? [])
        do { try validate(durable: process.durable, boundaries: ends, takesOver: process.takesOver) } catch {
            return [error.description]
        }
        return []
    }

    /// Refuses a plan that has a problem, with the sentences of all.
    public func check(against process: ProcessSteps) throws(PlanError) {
        let problems = problems(for: process)
        guard problems.isEmpty else { throw PlanError(problems.joined(separator: "\n")) }
    }

    /// Names what the plan says: two plans with the same digest have the same name, version and steps.
    public var digest: String {
        let lines = steps.map { step in
            let stage = step.stage.description + (step.isFollowed ? ", shadow legacy" : "")
            let added = (step.isAdded ? "added" : "") + (step.isRetroactive ? ", retroactive" : "")
            let words = [step.number.description, step.title, stage, added]
            let signed = step.rules.map(\.words) + step.survivors.map(\.words)
            return (words + step.announces.map(\.description) + ["|"] + signed).joined(separator: "\u{1F}")
        }
        let answering = interrupts == .legacy ? [] : ["interrupts \(interrupts.rawValue)"]
        return StableHash.hexadecimal(([name, String(version)] + lines + answering).joined(separator: "\u{1E}"))
    }

    func says(_ what: String, step: StepNumber? = nil) -> String { "plan \(name)\(step.map { ", step \($0)" } ?? ""): \(what)" }

    private func orderProblems() -> [String] {
        zip(steps, steps.dropFirst()).filter { $0.number >= $1.number }.map { before, step in
            let found = before.number == step.number ? "it again" : "it after \(before.number)"
            return says("expected every step once and in order, found \(found); correct the plan", step: step.number)
        }
    }

    /// A step that the plan does not name would be passed over: its registrations would wait until they expire. Behind all that the plan
    /// names, one that legacy goes into by itself needs no name, since nobody asks the plan there.
    private func missing(from process: ProcessSteps) -> [String] {
        let named = steps.map(\.number).max() ?? "0"
        let missing = process.legacy.subtracting(steps.map(\.number)).sorted().filter { step in
            let before = process.legacy.filter { $0 < step }.max()
            return isWithoutLegacy || step < named || before.map(process.boundaries.contains) ?? true
        }
        guard !missing.isEmpty else { return [] }
        let names = missing.map(\.description).joined(separator: ", ")
        return [says("expected every step of the machine \(process.machine), found none of \(names); add them, on stage legacy if need be")]
    }

    private func stepProblems(_ step: PlannedStep, _ process: ProcessSteps) -> [String] {
        var problems: [String] = []
        if case .canary(let percent) = step.stage, !(0...100).contains(percent) {
            problems.append(says("expected a canary of 0 to 100 percent, found \(percent); correct the plan", step: step.number))
        }
        problems += interruptProblems(step, process) + partingProblems(step, process) + followerProblems(step, process)
        problems += endProblems(step, process) + retroactiveProblems(step, process)
        let isLegacys = process.legacy.contains(step.number)
        if step.isAdded, isLegacys {
            problems.append(
                says(
                    "expected a step that the machine \(process.machine) does not have, since it is added, found that it has it;"
                        + " remove 'added'", step: step.number))
        }
        if !step.isAdded, !isLegacys {
            problems.append(
                says(
                    "expected a step of the machine \(process.machine), found none of that number; it has"
                        + " \(process.legacy.sorted().map(\.description).joined(separator: ", ")); correct the number, or say 'added: true'",
                    step: step.number))
        }
        return problems
    }
}

extension MigrationPlan {
    /// Where legacy is gone, support can still move an entity to any state; durable code has to go on there.
    private func positionProblems(_ process: ProcessSteps) -> [String] {
        if process.isLegacyGone, !isWithoutLegacy {
            let others = steps.filter { $0.stage != .retired }.map(\.number.description).joined(separator: ", ")
            return [
                says(
                    "expected every step on stage retired, since this program has no legacy machine any more, found \(others) on another;"
                        + " correct the plan, or use a program that has the machine")
            ]
        }
        guard isWithoutLegacy, !process.unadopted.isEmpty else { return [] }
        return [
            says(
                "expected that durable steps adopt every state in which an entity can be, since no step is left to legacy, found none for"
                    + " \(process.unadopted.joined(separator: ", ")); let steps adopt them, or put one step on stage durable")
        ]
    }

    /// Where legacy is gone, nobody else answers a cancel; and who is to answer has to have code for it.
    private func interruptProblems(_ step: PlannedStep, _ process: ProcessSteps) -> [String] {
        if step.stage == .retired, interrupts == .legacy {
            return [
                says(
                    "expected 'interrupts: durable' in a plan with a retired step, since legacy cannot answer a cancel there, found that legacy"
                        + " answers; add it, or put the step on stage durable", step: step.number)
            ]
        }
        guard interrupts == .durable, step.stage.isMoved, process.durable.contains(step.number), !process.answering.contains(step.number)
        else {
            return []
        }
        return [
            says(
                "expected durable code that answers what belongs to no step, as 'interrupts: durable' says, found code that leaves it to"
                    + " legacy; let its waits name 'context.answers' and declare 'answers: true', or remove 'interrupts'", step: step.number
            )
        ]
    }
}

extension MigrationPlan {
    /// Legacy can follow where durable runs a step, and where there is a table that can be run again.
    private func followerProblems(_ step: PlannedStep, _ process: ProcessSteps) -> [String] {
        guard step.isFollowed else { return [] }
        if step.stage == .retired {
            return [
                says(
                    "expected legacy code that 'shadow: legacy' can run, found stage retired, on which there is none; remove it",
                    step: step.number)
            ]
        }
        if !step.stage.isMoved {
            return [
                says(
                    "expected 'shadow: legacy' on stage canary or durable, found it on stage \(step.stage), where legacy runs the step itself;"
                        + " remove it", step: step.number)
            ]
        }
        guard process.isService else { return [] }
        return [
            says(
                "expected a legacy machine in this process, since 'shadow: legacy' runs it again on what durable was told, found one that is"
                    + " a service; remove it", step: step.number)
        ]
    }
}

extension DifferenceRule {
    /// Everything that it says.
    var words: String {
        ([description, reason, why, owner, signed.description, expires.description, fixture] + partingWords).joined(separator: "\u{1D}")
    }

    private var partingWords: [String] {
        guard case .parting(let parting) = scope else { return [] }
        let ends = parting.ends.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.sorted().joined(separator: ", "))" }
        return [parting.step.description] + ends
    }
}
