public import Events

/// What a registration may send, from its score (A2P guide §2.6; dated figures, 2023).
public struct Throughput: Hashable, Sendable {
    /// AT&T's message class.
    public let attClass: String
    /// AT&T's messages a minute per campaign.
    public let attTPM: Int
    /// T-Mobile's tier.
    public let tmobileTier: String
    /// T-Mobile's messages a day per brand.
    public let tmobileDailyCap: Int
    /// Verizon's messages a minute per number.
    public let verizonTPM = 6000

    /// The throughput of a registration: by its vetting score, the lowest when it has none.
    public init(_ registration: Registration) {
        let score = registration.vetting.score ?? 0
        switch (registration.useCase, score) {
        case ("LOW_VOLUME", _): (attClass, attTPM) = ("T", 75)
        case (_, 75...): (attClass, attTPM) = ("A", 4500)
        case (_, 50...): (attClass, attTPM) = ("C", 2400)
        default: (attClass, attTPM) = ("E", 240)
        }
        switch score {
        case 76...: (tmobileTier, tmobileDailyCap) = ("TOP", 200_000)
        case 51...: (tmobileTier, tmobileDailyCap) = ("HIGH_MID", 40_000)
        case 26...: (tmobileTier, tmobileDailyCap) = ("LOW_MID", 10_000)
        default: (tmobileTier, tmobileDailyCap) = ("LOW", 2000)
        }
    }

    /// As the carriers' request.
    public var json: JSONValue {
        [
            "attClass": .string(attClass), "attTPM": .integer(attTPM), "tmobileTier": .string(tmobileTier),
            "tmobileDailyCap": .integer(tmobileDailyCap), "verizonTPM": .integer(verizonTPM),
        ]
    }
}
