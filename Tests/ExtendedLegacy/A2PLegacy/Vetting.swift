import Events
import LegacyStateMachine
import Outcomes

extension A2PMachine {
    private static let reports: [EventKind] = [
        "EVP_REPORT_SCORE", "EVP_REPORT_UNSCORE", "EVP_REPORT_FAIL", "EVP_REPORT_UPDATE", "EVP_REPORT_EXPIRE",
    ]
    private static let answers: [EventKind] = [
        "BRAND_AUTHPLUS_VERIFICATION_COMPLETE", "BRAND_AUTHPLUS_VERIFICATION_FAILED", "BRAND_AUTHPLUS_VERIFICATION_EXPIRED",
    ]
    private static let begun: [State] = State.vettingOpen + [.VETTING_ORDER_FAILED, .VETTING_COMPLETE]

    /// Step 5.2: an external vetting for most, Authentication+ for public companies, a PIN for sole proprietors, nothing for low volume.
    static let vetting: [Row] =
        (reports + answers).flatMap { kind in
            [
                Row(
                    from: reports.contains(kind)
                        ? [.VETTING_ORDERED, .VETTING_IN_REVIEW, .VETTING_APPEAL_PENDING] : [.VETTING_AUTHPLUS_PENDING],
                    on: kind, to: State.vettingOpen + [.VETTING_COMPLETE], "take the answer over; the first failure is appealed"
                ) { record, _, event, context in
                    try await takeAnswer(event, &record, context)
                    return try await vettingState(&record, context)
                },
                Row(
                    from: [.VETTING_ORDER_FAILED], on: kind, to: begun, "the other side has the order after all: pay for it",
                    exhausted: .VETTING_ORDER_FAILED
                ) { record, _, event, context in
                    record.keep(event)
                    return try await beginVetting(&record, context)
                },
                Row(from: State.beforeVetting + [.MANUAL_HOLD], on: kind, "keep the answer until the vetting can use it") {
                    record, state, event, _ in
                    if isVettingAhead(record, in: state) { record.keep(event) }
                    return state
                },
            ]
        } + [
            Row(
                from: [.BRAND_READY], on: .continue, to: begun, "begin the vetting that the brand takes", exhausted: .VETTING_ORDER_FAILED
            ) { record, _, _, context in try await beginVetting(&record, context) },
            Row(
                from: [.VETTING_ORDER_FAILED], on: "timer.repoll", to: begun, "begin the vetting again", exhausted: .VETTING_ORDER_FAILED
            ) { record, _, _, context in try await beginVetting(&record, context) },
            Row(
                from: State.vettingOpen, on: "timer.repoll", to: State.vettingOpen + [.VETTING_COMPLETE],
                "read what the webhook would have said; a PIN is good for 24 hours"
            ) { record, _, _, context in
                try await look(&record, context)
                return try await vettingState(&record, context)
            },
            Row(
                from: State.vettingOpen, on: "timer.stage_deadline", to: [.VETTING_COMPLETE, .EXPIRED], "give the vetting up, and go on"
            ) { record, _, event, context in
                if event.payload["rule"]?.string == "whole-life" { return try await deadline(&record, event, context) }
                try await look(&record, context)
                _ = try await vettingState(&record, context)
                if record.vetting.isOpen { record.vetting.status = "EXPIRED" }
                return .VETTING_COMPLETE
            },
            Row(
                from: [.VETTING_AUTHPLUS_PENDING], on: "BRAND_EMAIL_2FA_EXPIRED", "send the e-mail again, at most once in two hours"
            ) { record, state, _, context in
                let next = (record.vetting.sentAt ?? context.now) + .hours(2)
                guard next <= context.now else {
                    // The message goes back into the queue until then.
                    throw EffectError(.temporary, vendorCode: "2h", message: "an e-mail every two hours", retryAfter: next - context.now)
                }
                try await VettingProvider(context.effects).startAuthPlus(&record)
                return state
            },
            Row(from: [.VETTING_OTP_PENDING], on: "BRAND_OTP_VERIFIED", to: [.VETTING_COMPLETE], "the PIN is confirmed") {
                record, _, _, _ in
                record.otpVerified = true
                record.vetting.status = "COMPLETE"
                return .VETTING_COMPLETE
            },
            // Legacy has no place for events: what the reviewer says is in the record until the content's turn comes.
            Row(from: [.VETTING_ORDER_FAILED] + State.vettingOpen, on: "content.approved", "keep the approval") { record, state, event, _ in
                record.keep(event)
                return state
            },
            Row(from: [.VETTING_ORDER_FAILED] + State.vettingOpen, on: "content.rejected", "keep the rejection") {
                record, state, event, _ in
                record.keep(event)
                return state
            },
        ]

    private static func beginVetting(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        switch record.vettingRoute {
        case "skip": record.vetting.status = "SKIPPED"
        case "otp": try await beginPIN(&record, context)
        case "authplus":
            // A send that failed was none: its number is used again.
            if record.vetting.orderedAt == nil { record.vetting.sent = 0 }
            if record.vetting.sent == 0 { try await VettingProvider(context.effects).startAuthPlus(&record) }
        default: try await VettingProvider(context.effects).order(&record)
        }
        return try await useKeptAnswers(&record, context)
    }

    private static func beginPIN(_ record: inout Registration, _ context: ActionContext) async throws {
        record.vetting.status = record.otpVerified ? "COMPLETE" : "ORDERED"
        guard !record.otpVerified, record.vetting.orderedAt == nil else { return }
        record.vetting.sent = 0
        try await Registry(context.effects).sendOTP(&record)
        record.vetting.orderedAt = context.now
    }

    /// Where the vetting stands by its status; the first failure of an external one is appealed.
    private static func vettingState(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        let route = record.vettingRoute
        if route == "external", record.vetting.status == "FAILED", record.vetting.appeals == 0 {
            try await VettingProvider(context.effects).appeal(&record)
        }
        switch record.vetting.status {
        case "ORDERED": return route == "authplus" ? .VETTING_AUTHPLUS_PENDING : route == "otp" ? .VETTING_OTP_PENDING : .VETTING_ORDERED
        case "IN_REVIEW": return .VETTING_IN_REVIEW
        case "APPEAL": return .VETTING_APPEAL_PENDING
        default: return .VETTING_COMPLETE
        }
    }

    /// Takes over the answers that came before the vetting could use them, as far as they still matter.
    private static func useKeptAnswers(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        var state = try await vettingState(&record, context)
        for event in record.takeKept(reports + answers) where record.vetting.isOpen {
            try await takeAnswer(event, &record, context)
            state = try await vettingState(&record, context)
        }
        return state
    }

    /// Back from a hold: what the vetting waits for may have come meanwhile, and a PIN may be too old.
    static func goOnVetting(_ record: inout Registration, in state: State, _ context: ActionContext) async throws -> State {
        guard record.vetting.status != nil else { return state }
        if state == .VETTING_OTP_PENDING {
            if record.otpVerified { record.vetting.status = "COMPLETE" } else { try await look(&record, context) }
        }
        return try await useKeptAnswers(&record, context)
    }

    /// True while the vetting, or the one that a held registration goes back to, can still use an answer.
    private static func isVettingAhead(_ record: Registration, in state: State) -> Bool {
        let place = state == .MANUAL_HOLD ? record.heldFrom.flatMap(State.init) : state
        return place.map { (State.beforeVetting + [.VETTING_ORDER_FAILED] + State.vettingOpen).contains($0) } ?? false
    }

    /// Takes over what the other side says, when it is the side that the brand is vetted by.
    private static func takeAnswer(_ event: Event, _ record: inout Registration, _ context: ActionContext) async throws {
        if answers.contains(event.kind) {
            guard record.vettingRoute == "authplus" else { return }
            record.vetting.status = event.kind.rawValue.split(separator: "_").last.map(String.init)
        } else if record.vettingRoute == "external" {
            record.vetting.take(event)
            // The registry's list of fields has no score: the report has it.
            if event.isScoreWithoutScore { record.vetting.take(report: try await context.effects.read("vetting.report")) }
        }
    }

    private static func look(_ record: inout Registration, _ context: ActionContext) async throws {
        switch record.vettingRoute {
        case "otp":
            record.otpVerified = try await context.effects.read("registry.otp")["verified"]?.truth ?? false
            if record.otpVerified { record.vetting.status = "COMPLETE" } else { try await renewPIN(&record, context) }
        case "authplus":
            switch try await context.effects.read("vetting.authPlus")["status"]?.statusWord {
            case "SUCCESS": record.vetting.status = "COMPLETE"
            case "FAILED": record.vetting.status = "FAILED"
            case "EXPIRED": record.vetting.status = "EXPIRED"
            default: break
            }
        default: record.vetting.take(report: try await context.effects.read("vetting.report"))
        }
    }

    /// A PIN is good for 24 hours. On the seventh day the deadline comes with the look, and none is sent any more.
    private static func renewPIN(_ record: inout Registration, _ context: ActionContext) async throws {
        guard context.now >= (record.vetting.sentAt ?? context.now) + .hours(24) else { return }
        guard context.now < (record.vetting.orderedAt ?? context.now) + .days(7) else { return }
        try await Registry(context.effects).sendOTP(&record)
    }
}

extension Registration {
    fileprivate mutating func keep(_ event: Event) { kept = (kept ?? []) + [event] }

    /// What was kept of these kinds, which is kept no longer.
    fileprivate mutating func takeKept(_ kinds: [EventKind]) -> [Event] {
        let found = kept?.filter { kinds.contains($0.kind) } ?? []
        kept?.removeAll { kinds.contains($0.kind) }
        return found
    }
}
