package import Events
import Outcomes

/// What a carrier says about the campaign; legacy and the durable steps weigh it alike.
package struct CarrierWord: Codable, Hashable, Sendable {
    /// The carrier; nil when the sender names none, and every one has to be asked.
    package var mno: String?
    /// REVIEW, APPROVED, REJECTED or SUSPENDED.
    package var status: String
    /// Codes of a rejection or suspension, sorted.
    package var reasons: [String]

    /// The kinds of events that carry one, with what they say.
    package static let kinds: [(EventKind, String)] = [
        ("MNO_CAMPAIGN_OPERATION_REVIEW", "REVIEW"), ("MNO_CAMPAIGN_OPERATION_APPROVED", "APPROVED"),
        ("MNO_CAMPAIGN_OPERATION_REJECTED", "REJECTED"), ("MNO_CAMPAIGN_OPERATION_SUSPENDED", "SUSPENDED"),
        ("MNO_CAMPAIGN_OPERATION_UNSUSPENDED", "APPROVED"),
    ]

    /// The word that an event carries; nil for an event of another kind.
    package init?(_ event: Event) {
        guard let status = Self.kinds.first(where: { $0.0 == event.kind })?.1 else { return nil }
        self.init(status, event.payload)
    }

    package init(_ status: String, _ payload: JSONValue) {
        mno = payload["mnoId"]?.integer.map(String.init)
        self.status = status
        reasons = payload.reasons.sorted()
    }
}

/// What the required carriers have come to.
package enum CarrierVerdict {
    case open, partial, approved, rejected
}

extension Registration {
    /// True when the registry has to be asked: the word is about no carrier in particular, or contradicts what the carrier said before.
    package func mustAsk(about word: CarrierWord) -> Bool { word.mno.map { isContradicted($0, by: word.status) } ?? true }

    private func isContradicted(_ mno: String, by status: String) -> Bool {
        let decided: Set = ["APPROVED", "REJECTED"]
        let before = carriers[mno]?.status ?? "NOT_SUBMITTED"
        return decided.contains(before) && decided.contains(status) && before != status
    }

    /// Stores a carrier's word; of one that contradicts an earlier word, what the registry says is the truth.
    package mutating func take(_ word: CarrierWord, truth: String? = nil) {
        guard let mno = word.mno else { return }
        var row = carriers[mno] ?? CarrierRow()
        if isContradicted(mno, by: word.status) {
            conflicts += 1
            row.status = truth ?? word.status
        } else if !(["APPROVED", "REJECTED"].contains(row.status) && word.status == "REVIEW") {
            row.status = word.status
        }
        row.reasons = row.status == "REJECTED" || row.status == "SUSPENDED" ? word.reasons : []
        carriers[mno] = row
    }

    /// AT&T, T-Mobile and Verizon must decide; US Cellular (10037) may.
    package static let requiredCarriers = ["10017", "10035", "10038"]

    /// What AT&T, T-Mobile and Verizon have come to.
    package var carrierVerdict: CarrierVerdict {
        let rows = Registration.requiredCarriers.map { carriers[$0]?.status ?? "NOT_SUBMITTED" }
        let approved = rows.count { $0 == "APPROVED" || $0 == "SUSPENDED" }
        if rows.contains("NOT_SUBMITTED") || rows.contains("REVIEW") { return approved > 0 ? .partial : .open }
        return approved > 0 ? .approved : .rejected
    }

    /// True while a carrier suspends the campaign.
    package var isSuspended: Bool { carriers.values.contains { $0.status == "SUSPENDED" } }

    /// True when a required carrier has approved.
    package var hasCarrierApproval: Bool { Registration.requiredCarriers.contains { carriers[$0]?.status == "APPROVED" } }

    /// Why the carriers rejected it.
    package mutating func rejectByCarriers() { reject(by: "carrier", codes: carriers.values.flatMap(\.reasons) + ["30899"]) }
}

extension Registry {
    /// Stores a carrier's word, and asks the registry where the word alone does not decide.
    package func weigh(_ word: CarrierWord, _ registration: inout Registration) async throws {
        guard let mno = word.mno else { return try await readCarriers(&registration) }
        var truth: String?
        if registration.mustAsk(about: word) { truth = try await effects.read("registry.campaign")["carriers"]?[mno].flatMap(Self.status) }
        registration.take(word, truth: truth)
    }

    /// Reads what every carrier says; a word that nobody knows changes nothing.
    package func readCarriers(_ registration: inout Registration) async throws {
        let known = try await effects.read("registry.campaign")["carriers"]?.object ?? [:]
        for (mno, status) in known {
            guard let status = Self.status(status) else { continue }
            if registration.carriers[mno]?.status != status { registration.carriers[mno] = CarrierRow(status: status) }
        }
    }

    /// A carrier's word; re-sellers write REGISTERED for APPROVED and the other way round.
    private static func status(_ value: JSONValue) -> String? {
        switch value.statusWord {
        case "ACCEPTED", "REGISTERED", "ACTIVE": "APPROVED"
        case "REVIEW", "PENDING": "REVIEW"
        case "REJECTED": "REJECTED"
        case "SUSPENDED": "SUSPENDED"
        default: nil
        }
    }
}
