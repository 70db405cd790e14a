public import Events

/// What an entity ended as, or stands at: everything a customer or an auditor could notice.
public struct Outcome: Codable, Hashable, Sendable {
    /// The business result, for example `approved`; `waiting` while there is none.
    public var status: String
    /// The legacy state at the end, for example `ACTIVE`.
    public var state: String
    /// Facts by path, for example `carrier/10017: "APPROVED"`, `fee/brand: "1 x 4.00 USD"`, `number/1: "REGISTERED"`.
    public var facts: [String: JSONValue]

    /// An outcome.
    public init(status: String, state: String, facts: [String: JSONValue] = [:]) {
        self.status = status
        self.state = state
        self.facts = facts
    }

    /// All of it as facts: ``facts`` plus `status` and `state`.
    public var allFacts: [String: JSONValue] {
        facts.merging(["status": .string(status), "state": .string(state)], uniquingKeysWith: { $1 })
    }
}
