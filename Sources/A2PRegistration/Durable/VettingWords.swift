import Events

// What reports and looks of step 5.2 say, as the record keeps it.

extension Registration {
    /// Which kind of vetting it takes (A2P guide §1.7).
    var vettingRoute: String {
        if useCase == "LOW_VOLUME" { return "skip" }
        switch entityType {
        case "SOLE_PROPRIETOR": return "otp"
        case "PUBLIC_PROFIT": return "authplus"
        default: return "external"
        }
    }
}

extension Event {
    /// A score is there, and the webhook does not say which.
    var isScoreWithoutScore: Bool { kind == "EVP_REPORT_SCORE" && payload["score"]?.integer == nil }
}

extension VettingRecord {
    /// True while an answer can still change how the step ends.
    var isOpen: Bool {
        switch status {
        case "ORDERED", "IN_REVIEW", "APPEAL": true
        default: false
        }
    }

    /// Takes over what an event says.
    mutating func take(_ event: Event) {
        switch event.kind {
        case "EVP_REPORT_SCORE", "EVP_REPORT_UPDATE": if let score = event.payload["score"]?.integer { scored(score) }
        case "EVP_REPORT_UNSCORE": status = "IN_REVIEW"
        case "EVP_REPORT_FAIL": status = "FAILED"
        case "EVP_REPORT_EXPIRE": status = "EXPIRED"
        default: break
        }
    }

    /// Takes over what a look at the report says; a failure that was appealed before is no news.
    mutating func take(report: JSONValue) {
        switch report["status"]?.statusWord {
        // A report without a score is not ready.
        case "ACTIVE", "SUCCESS": if let score = report["score"]?.integer, (0...100).contains(score) { scored(score) }
        case "FAILED": if status != "APPEAL" { status = "FAILED" }
        case "EXPIRED": status = "EXPIRED"
        case "UNSCORE": status = "IN_REVIEW"
        default: break
        }
    }

    private mutating func scored(_ score: Int) {
        self.score = score
        status = "SCORED"
    }
}
