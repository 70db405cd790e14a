import Events
import Outcomes
import ShadowComparator
import Yams

extension PlanReader {
    /// `{ effect: billing.vettingFee, count: 1, when: { campaign/useCase: { not: LOW_VOLUME } } }`
    func announcement(_ node: Node, of step: StepNumber) throws(PlanError) -> Announcement {
        let members = try mapping(node, keys: ["effect", "fact", "change", "count", "values", "members", "when"], of: "an announcement")
        let change = try change(members["change"])
        let isCounted = members["effect"] != nil && change == .added
        let count = try isCounted ? count(members["count"], node) : 0...Int(Int32.max)
        if !isCounted, let counted = members["count"] {
            throw refusal(counted, expected: "a count for an effect that is added only", found: "'count'")
        }
        if change == .added, members["effect"] != nil, let given = members["values"] ?? members["members"] {
            throw refusal(given, expected: "'values' for a fact, 'members' for an effect that is changed")
        }
        return Announcement(
            step: step, place: try place(members, node, of: step), change: change, count: count,
            values: try values(members[members["effect"] == nil ? "values" : "members"]), conditions: try conditions(members["when"]))
    }

    /// `{ what: …, why: …, owner: …, signed: 2026-03-01, expires: 2026-09-01, fixture: …, place: fee/brandFee }`; an intended difference
    /// may have `parts: { event: …, in: …, from: 6, ends: { EXPIRED: ACTIVE } }` in place of `place`.
    func rule(_ purpose: DifferenceRule.Purpose, _ node: Node, of step: StepNumber) throws(PlanError) -> DifferenceRule {
        let isIntended = purpose == .intended
        let own: Set<String> = isIntended ? ["what", "why", "fixture", "parts"] : ["reason"]
        let members = try mapping(
            node, keys: own.union(["owner", "signed", "expires", "place"]), of: isIntended ? "an intended difference" : "an ignore rule")
        func word(_ name: String) throws(PlanError) -> String { try text(members[name], name, node) }
        let (signed, expires) = try term(members, node)
        return DifferenceRule(
            purpose, step: step, scope: try scope(members, node), reason: try word(isIntended ? "what" : "reason"),
            why: isIntended ? try word("why") : "", owner: try word("owner"), signed: signed, expires: expires,
            fixture: isIntended ? try word("fixture") : "")
    }

    private func scope(_ members: [String: Node], _ node: Node) throws(PlanError) -> DifferenceRule.Scope {
        if let parts = members["parts"] {
            guard members["place"] == nil else { throw refusal(parts, expected: "'place' or 'parts', one of the two", found: "both") }
            return .parting(try parting(parts))
        }
        let place = try text(members["place"], "place", node)
        guard place.contains(where: { $0 != "*" && $0 != "/" }) else {
            throw refusal(members["place"] ?? node, expected: "a place like fee/brandFee", found: "'\(place)', which is everything")
        }
        return .place(Glob(place))
    }

    /// `{ event: content.approved, in: BRAND_OTP_PENDING, from: 6, ends: { EXPIRED: [ACTIVE, CANCELLED] } }`
    private func parting(_ node: Node) throws(PlanError) -> Parting {
        let members = try mapping(node, keys: ["event", "in", "from", "ends"], of: "'parts'")
        let number = try text(members["from"], "from", node)
        guard let step = StepNumber(number) else {
            throw refusal(members["from"] ?? node, expected: "a step number like 5.2", found: "'\(number)'")
        }
        guard let pairs = members["ends"]?.mapping, !pairs.isEmpty else {
            throw refusal(members["ends"] ?? node, expected: "'ends' as a mapping of legacy's last state to those of the durable side")
        }
        var ends: [String: Set<String>] = [:]
        for (key, value) in pairs { ends[key.string ?? ""] = try values(value) }
        return Parting(
            event: EventKind(try text(members["event"], "event", node)), state: try text(members["in"], "in", node), step: step, ends: ends)
    }

    private func place(_ members: [String: Node], _ node: Node, of step: StepNumber) throws(PlanError) -> Announcement.Place {
        guard (members["effect"] == nil) != (members["fact"] == nil) else {
            throw refusal(node, expected: "'effect' or 'fact', one of the two", found: members["effect"] == nil ? "none" : "both")
        }
        let name = members["effect"] == nil ? "fact" : "effect"
        let given = try text(members[name], name, node)
        guard !given.contains("*") else {
            throw refusal(members[name] ?? node, expected: "the \(name)'s whole name", found: "the wildcard '\(given)'")
        }
        guard name == "effect" else { return .fact(given) }
        let parts = given.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, let other = StepNumber(parts[0]) else { return .effect(step, given) }
        return .effect(other, parts[1])
    }

    private func change(_ node: Node?) throws(PlanError) -> Announcement.Change {
        guard let node else { return .added }
        guard let change = node.scalar.flatMap({ Announcement.Change(rawValue: $0.string) }) else {
            throw refusal(node, expected: "change added or changed")
        }
        return change
    }

    /// `1`, `0..1`
    private func count(_ node: Node?, _ parent: Node) throws(PlanError) -> ClosedRange<Int> {
        let word = try text(node, "count", parent)
        let ends = word.split(separator: ".", omittingEmptySubsequences: true).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count == (word.contains("..") ? 2 : 1), first <= last,
            (0...1_000_000).contains(first), (1...1_000_000).contains(last)
        else { throw refusal(node ?? parent, expected: "a count like 1 or 0..3, of at least one", found: "'\(word)'") }
        return first...last
    }

    private func conditions(_ node: Node?) throws(PlanError) -> [Condition] {
        guard let node else { return [] }
        guard let mapping = node.mapping, !mapping.isEmpty else { throw refusal(node, expected: "'when' as a mapping of facts to values") }
        var conditions: [Condition] = []
        for (key, value) in mapping {
            let path = key.string ?? ""
            if let negated = value.mapping {
                guard negated.count == 1, let none = negated["not"] else { throw refusal(value, expected: "values, or 'not' and values") }
                conditions.append(Condition(path, isNoneOf: try values(none)))
            } else {
                conditions.append(Condition(path, isOneOf: try values(value)))
            }
        }
        return conditions
    }

    /// A text or a list of texts.
    private func values(_ node: Node?) throws(PlanError) -> Set<String> {
        guard let node else { return [] }
        guard node.scalar == nil else { return [try text(node, "value", node)] }
        let texts = try list(node, "values") { node throws(PlanError) in try text(node, "value", node) }
        guard !texts.isEmpty else { throw refusal(node, expected: "a value or a list of values") }
        return Set(texts)
    }

    /// From when, and until when, a signature counts.
    func term(_ members: [String: Node], _ node: Node) throws(PlanError) -> (signed: Timestamp, expires: Timestamp) {
        let (signed, expires) = (try day(members["signed"], "signed", node), try day(members["expires"], "expires", node))
        guard signed < expires else { throw refusal(members["expires"] ?? node, expected: "a day after 'signed'") }
        return (signed, expires)
    }

    private func day(_ node: Node?, _ name: String, _ parent: Node) throws(PlanError) -> Timestamp {
        let word = try text(node, name, parent)
        guard let day = Timestamp(word.contains("T") ? word : word + "T00:00:00Z") else {
            throw refusal(node ?? parent, expected: "'\(name)' as a day like 2026-03-01", found: "'\(word)'")
        }
        return day
    }
}
