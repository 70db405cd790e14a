/// How many numbers one campaign may have (A2P guide §2.3).
package enum NumberLimit {
    /// Without a number pool.
    package static let standard = 49
    /// With one.
    package static let pool = 400

    package static func of(hasPool: Bool) -> Int { hasPool ? pool : standard }
}

/// More of something than the domain allows; the event becomes a dead letter.
package struct BeyondLimit: Error, CustomStringConvertible {
    package let description: String

    package static func numbers(_ limit: Int) -> BeyondLimit {
        BeyondLimit(description: "expected at most \(limit) numbers for one campaign, found one more; split the campaign")
    }
}
