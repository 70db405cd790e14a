package import Events
import Outcomes

extension Registration {
    package mutating func reject(by party: String, codes: [String]) {
        rejectedBy = party
        rejectionCodes = Array(Set(codes)).sorted()
    }

    package mutating func clearRejection() { (rejectedBy, rejectionCodes) = (nil, []) }

    package mutating func brandAdded(_ payload: JSONValue, at now: Timestamp) {
        brandId = brandId ?? payload["brandId"]?.string
        brandAddedAt = brandAddedAt ?? now
    }

    /// True when a carrier or partner has said no in a way that no correction cures (A2P guide §2.4).
    package var isNotResubmittable: Bool { !Set(rejectionCodes).isDisjoint(with: ["30884", "30885"]) }
}

extension JSONValue {
    /// A status as the outside words it.
    package var statusWord: StatusWord? { string.flatMap(StatusWord.init)?.plain }

    /// The codes a sender gives as reasons.
    package var reasons: [String] {
        if let list = self["reasons"]?.array { return list.compactMap(\.string) }
        if let code = self["errorCode"]?.string { return [code] }
        return []
    }
}
