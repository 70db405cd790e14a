/// How likely the next case is to take a path that no case has taken before.
public struct UnseenMass: Hashable, Sendable {
    /// Cases so far.
    public private(set) var cases = 0
    /// How often each path was taken.
    public private(set) var taken: [String: Int] = [:]

    /// Nothing seen yet.
    public init() {}

    /// Counts one more case.
    public mutating func add(_ path: String) {
        cases += 1
        taken[path, default: 0] += 1
    }

    /// Cases that took a path never taken before: one for each path.
    public var firsts: Int { taken.count }

    /// Good–Turing's point estimate: the share of the paths that were taken once among the cases; 1 before the first case.
    public var estimate: Double { cases == 0 ? 1 : Double(taken.values.count { $0 == 1 }) / Double(cases) }

    /// A bound on the unseen mass at level `alpha`: the same E on "this case took a path never taken before". The mass only falls, so
    /// what bounds it over all cases bounds it now; with many rare paths the bound is a wide one. 1 before anything is excluded.
    public func bound(alpha: Double) -> Double { EProcess.bound(cases: cases, mismatches: firsts, alpha: alpha) }
}
