#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The evidence that a rate of mismatches is below a limit, which may be looked at after every case.
///
/// For n compared cases with k mismatches and a limit p₀ it is a mixture of likelihood ratios,
/// `E = 0.8·LR(0) + 0.1·LR(0.1·p₀) + 0.1·LR(0.3·p₀)` with `LR(q) = (q/p₀)^k · ((1−q)/(1−p₀))^(n−k)`. When the true rate is p₀ or more,
/// E is a supermartingale that starts at 1, so that it reaches 1/α at any time with a probability of at most α, however often
/// somebody looks (Ville). Computed in logarithms. Assumes that cases are exchangeable.
public struct EProcess: Hashable, Sendable {
    /// The rate that is to be excluded, above 0 and below 1.
    public let limit: Double

    /// The weights of the mixture, and the rates that they bet on as parts of the limit.
    private static let bets: [(weight: Double, part: Double)] = [(0.8, 0), (0.1, 0.1), (0.1, 0.3)]

    /// A process for a limit; one outside of 0…1 is moved to the nearest number inside.
    public init(limit: Double) { self.limit = min(max(limit, .leastNormalMagnitude), 1 - .ulpOfOne) }

    /// The natural logarithm of E after `cases` cases with `mismatches` mismatches among them.
    public func logEvidence(cases: Int, mismatches: Int) -> Double {
        let clean = Double(cases - mismatches)
        let terms = Self.bets.compactMap { bet -> Double? in
            guard bet.part > 0 || mismatches == 0 else { return nil }
            let hits = mismatches == 0 ? 0 : Double(mismatches) * log(bet.part)
            return log(bet.weight) + hits + clean * (log1p(-bet.part * limit) - log1p(-limit))
        }
        let most = terms.max() ?? 0
        return most + log(terms.reduce(0) { $0 + exp($1 - most) })
    }

    /// True when the evidence suffices at level `alpha`.
    public func isOpen(cases: Int, mismatches: Int, alpha: Double) -> Bool {
        logEvidence(cases: cases, mismatches: mismatches) >= -log(alpha)
    }

    /// The fewest cases, `mismatches` of them mismatches, that suffice at level `alpha`; `Int.max` when no number of cases that
    /// can be counted does.
    public func casesNeeded(mismatches: Int, alpha: Double) -> Int {
        var (low, high) = (mismatches, mismatches + 1)
        while !isOpen(cases: high, mismatches: mismatches, alpha: alpha) {
            guard high < 1 << 52 else { return .max }
            (low, high) = (high, mismatches + (high - mismatches) * 2)
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if isOpen(cases: middle, mismatches: mismatches, alpha: alpha) { high = middle } else { low = middle }
        }
        return high
    }

    /// How many more cases are needed when none of them is a mismatch; 0 when the evidence suffices.
    public func moreCleanCases(cases: Int, mismatches: Int, alpha: Double) -> Int {
        let needed = casesNeeded(mismatches: mismatches, alpha: alpha)
        return needed == .max ? .max : max(0, needed - cases)
    }

    /// The rate that the cases exclude at level `alpha`: the smallest limit whose own E has reached 1/α. 1 when they exclude none.
    ///
    /// It may be looked at as often as one likes: all the bounds that are ever shown hold together with probability 1 − α.
    public static func bound(cases: Int, mismatches: Int, alpha: Double) -> Double {
        func excludes(_ rate: Double) -> Bool { EProcess(limit: rate).isOpen(cases: cases, mismatches: mismatches, alpha: alpha) }
        var (low, high) = (0.0, 1.0)
        guard excludes(1 - .ulpOfOne) else { return 1 }
        for _ in 0..<200 where high - low > high * 1e-12 {
            let middle = low + (high - low) / 2
            if excludes(middle) { high = middle } else { low = middle }
        }
        return high
    }
}

/// The level at which each build of a step is judged.
///
/// A fresh 5 % for every mended build would let campaigns of ten bad builds through in 40 % of cases. The j-th build gets α/2^j, so that
/// all builds together stay within α.
public struct LevelOfBuilds: Hashable, Sendable {
    /// The level of the whole campaign.
    public let alpha: Double

    /// Levels that add up to `alpha`.
    public init(alpha: Double = 0.05) { self.alpha = alpha }

    /// The level of the build that is the `number`-th, from 1.
    public func level(ofBuild number: Int) -> Double { alpha / pow(2, Double(max(1, number))) }
}
