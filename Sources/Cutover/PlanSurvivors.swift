import Events
import HybridRouter
import Yams

extension PlanReader {
    /// `{ bug: "25 step 5.2: …", reason: …, owner: …, signed: 2026-03-01, expires: 2026-09-01 }`
    func survivor(_ node: Node) throws(PlanError) -> SignedSurvivor {
        let members = try mapping(node, keys: ["bug", "reason", "owner", "signed", "expires"], of: "a survivor")
        func word(_ name: String) throws(PlanError) -> String { try text(members[name], name, node) }
        let bug = try word("bug")
        guard !bug.contains("*") else {
            throw refusal(
                members["bug"] ?? node, expected: "the bug's whole description, as 'mutants' prints it", found: "the wildcard '\(bug)'")
        }
        let (signed, expires) = try term(members, node)
        return SignedSurvivor(bug: bug, reason: try word("reason"), owner: try word("owner"), signed: signed, expires: expires)
    }
}
