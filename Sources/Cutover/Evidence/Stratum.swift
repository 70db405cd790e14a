public import Outcomes

/// A kind of case that has a gate of its own: what ends the step, for one step.
public struct Stratum: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The step.
    public var step: StepNumber
    /// The class of paths through it.
    public var path: String

    /// A stratum.
    public init(step: StepNumber, path: String) {
        self.step = step
        self.path = path
    }

    /// Reads `step/path`; nil for another form.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let step = StepNumber(String(parts[0])) else { return nil }
        self.init(step: step, path: String(parts[1]))
    }

    /// `step/path`
    public var description: String { "\(step)/\(path)" }

    /// By step, then by path.
    public static func < (left: Stratum, right: Stratum) -> Bool { (left.step, left.path) < (right.step, right.path) }
}

/// What a gate demands.
public struct GateTerms: Hashable, Sendable {
    /// The rate of mismatches that is to be excluded.
    public var limit: Double
    /// The level over all builds of a step.
    public var alpha: Double
    /// False for a program that cannot be explored.
    public var needsExploration: Bool
    /// False for a program whose legacy machine cannot follow durable.
    public var canFollow: Bool

    /// Terms: below 0.1 % at 5 % unless given.
    public init(limit: Double = 0.001, alpha: Double = 0.05, needsExploration: Bool = true, canFollow: Bool = true) {
        self.canFollow = canFollow
        self.limit = limit
        self.alpha = alpha
        self.needsExploration = needsExploration
    }
}

/// What counts for one stratum: cases, mismatches, and what they come to.
public struct StratumEvidence: Hashable, Sendable {
    /// The stratum.
    public var stratum: Stratum
    /// Cases that count.
    public var cases: Int
    /// How many of them differ without an explanation.
    public var mismatches: Int
    /// Cases that no longer count, because they were compared before a rule was signed or with another build, table or plan.
    public var voided: Int
    /// The number of the build among those that the step was compared with, from 1.
    public var build: Int

    /// Evidence.
    public init(stratum: Stratum, cases: Int, mismatches: Int, voided: Int = 0, build: Int = 1) {
        self.stratum = stratum
        self.cases = cases
        self.mismatches = mismatches
        self.voided = voided
        self.build = build
    }

    /// The level at which this build is judged.
    public func level(_ terms: GateTerms) -> Double { LevelOfBuilds(alpha: terms.alpha).level(ofBuild: build) }

    /// The natural logarithm of E.
    public func logEvidence(_ terms: GateTerms) -> Double {
        EProcess(limit: terms.limit).logEvidence(cases: cases, mismatches: mismatches)
    }

    /// True when the gate of this stratum is open.
    public func isOpen(_ terms: GateTerms) -> Bool {
        EProcess(limit: terms.limit).isOpen(cases: cases, mismatches: mismatches, alpha: level(terms))
    }

    /// The rate of mismatches that is excluded now.
    public func bound(_ terms: GateTerms) -> Double { EProcess.bound(cases: cases, mismatches: mismatches, alpha: level(terms)) }

    /// How many more clean cases open the gate.
    public func moreCleanCases(_ terms: GateTerms) -> Int {
        EProcess(limit: terms.limit).moreCleanCases(cases: cases, mismatches: mismatches, alpha: level(terms))
    }
}
