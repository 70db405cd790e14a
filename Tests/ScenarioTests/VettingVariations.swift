import A2PRegistration
import BridgeTesting
import Events
import LegacyFixtures
import Testing

/// A recording in which one more delivery comes, or one comes twice, late or never, while the brand is registered and vetted.
struct VettingVariation: Sendable, CustomStringConvertible {
    let description: String
    /// What is different, without the recording and the place.
    let change: String
    let lines: [TraceLine]

    /// All variations of a recorded scenario.
    static func all(of name: String) throws -> [VettingVariation] {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/\(name)")
        let lines = scenario.lines
        let named = lines.lazy.compactMap { $0.body["registration"]?.string }.first
        let registration = try #require(named)
        let added = lines.firstIndex { $0.body["eventType"] == "BRAND_ADD" }
        let first = try #require(added)
        let brand = SyntheticIDs.brand(EntityID(registration))
        let last = lines.firstIndex { $0.body["eventType"] == "CAMPAIGN_ADD" } ?? lines.count - 1
        return (first...last).flatMap { index -> [VettingVariation] in
            Self.added(after: lines[index], brand, registration).map { change, more in
                VettingVariation(
                    description: "\(name), \(change) after line \(index + 1)", change: change, lines: EveryStepTests.ordered(lines + more))
            } + moved(lines, index, last).map { VettingVariation(description: "\(name), line \(index + 1) \($0)", change: $0, lines: $1) }
        }
    }

    private static func moved(_ lines: [TraceLine], _ index: Int, _ last: Int) -> [(String, [TraceLine])] {
        var (lost, twice, late, absent) = (lines, lines, lines, lines)
        lost[index].lost = true
        absent.remove(at: index)
        var again = lines[index]
        again.receivedAt = again.receivedAt + .minutes(45)
        twice.append(again)
        late[index].receivedAt = lines[min(last, index + 2)].receivedAt + .minutes(1)
        return [("lost", lost), ("absent", absent), ("twice", EveryStepTests.ordered(twice)), ("late", EveryStepTests.ordered(late))]
    }

    private static func added(after line: TraceLine, _ brand: String, _ registration: String) -> [(String, [TraceLine])] {
        let at = line.receivedAt + .minutes(20)
        let registry = { (type: String, more: [String: JSONValue]) in
            let body: [String: JSONValue] = ["eventType": .string(type), "cspId": "S000001", "brandId": .string(brand)]
            return TraceLine(receivedAt: at, source: "tcr", body: .object(body.merging(more, uniquingKeysWith: { $1 })))
        }
        let house = { (source: EventSource, type: String, data: JSONValue, hours: Int) in
            TraceLine(
                receivedAt: at + .hours(hours), source: source,
                body: ["id": .string("x-\(type)-\(hours)"), "type": .string(type), "registration": .string(registration), "data": data])
        }
        let release = house("support", "support.override", ["release": true, "operator": "op-1"], 26)
        let reports: [(String, [String: JSONValue])] = [
            ("EVP_REPORT_SCORE", ["score": 40]), ("EVP_REPORT_SCORE", [:]), ("EVP_REPORT_UNSCORE", [:]), ("EVP_REPORT_FAIL", [:]),
            ("EVP_REPORT_UPDATE", ["score": 70]), ("EVP_REPORT_EXPIRE", [:]), ("BRAND_AUTHPLUS_VERIFICATION_COMPLETE", [:]),
            ("BRAND_AUTHPLUS_VERIFICATION_FAILED", [:]), ("BRAND_AUTHPLUS_VERIFICATION_EXPIRED", [:]), ("BRAND_EMAIL_2FA_EXPIRED", [:]),
            ("BRAND_OTP_VERIFIED", [:]), ("BRAND_DELETE", [:]), ("BRAND_SCORE_UPDATE", ["score": 55]),
        ]
        let others: [(String, [TraceLine])] = [
            ("content.approved", [house("reviewer", "content.approved", [:], 0)]),
            ("content.rejected", [house("reviewer", "content.rejected", ["reasons": ["30893"]], 0)]),
            ("brand.suspended", [house("provider", "brand.suspended", [:], 0), release]),
            ("registration.cancel", [house("customer", "registration.cancel", [:], 0)]),
            ("registration.update", [house("customer", "registration.update", ["changes": ["website": "example.test"]], 0)]),
            ("billing.result", [house("billing", "billing.result", ["status": "REJECTED"], 0), release]),
            ("override to CONTENT_REVIEW", [house("support", "support.override", ["state": "CONTENT_REVIEW", "operator": "op-1"], 0)]),
            ("override to BRAND_READY", [house("support", "support.override", ["state": "BRAND_READY", "operator": "op-1"], 0)]),
        ]
        return reports.map { type, more in
            (more["score"] == nil && type.hasSuffix("_SCORE") ? "\(type) without" : type, [registry(type, more)])
        }
            + others
    }
}
