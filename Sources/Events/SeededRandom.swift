/// SplitMix64: the same seed gives the same numbers on every machine and in every build. Not for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator.
    public init(seed: UInt64) { state = seed }

    /// A generator of its own for `label`, so that what one entity draws does not depend on what others drew.
    public init(seed: UInt64, label: String) { state = seed &* 0x9E37_79B9_7F4A_7C15 ^ StableHash.value(label) }

    /// Required by `RandomNumberGenerator`, which says what it does.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// True with probability `share` (0 to 1).
    public mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &self) < share }

    /// A time between two others, in whole milliseconds.
    public mutating func duration(_ range: ClosedRange<Duration>) -> Duration {
        .milliseconds(Int64.random(in: range.lowerBound.milliseconds...range.upperBound.milliseconds, using: &self))
    }
}
