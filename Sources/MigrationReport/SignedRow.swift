import Events
import ShadowComparator

/// A difference that somebody has signed for, as a row of the report.
struct SignedRow {
    static let head = ["differences", "what differs", "why", "owner", "until", "shown by"]

    let cells: [String]

    /// The differences that are intended and occurred; noise is counted in the layers alone.
    static func rows(of summary: ComparisonSummary) -> [SignedRow] {
        summary.rules.compactMap { rule in
            guard rule.explains == .intended, rule.masked > 0, let signature = rule.signature else { return nil }
            return SignedRow(cells: [
                Text.number(rule.masked), signature.what, signature.why, signature.owner,
                String(signature.expires.description.prefix(10)), signature.fixture,
            ])
        }
    }
}
