import Events
import LegacyStateMachine
import Outcomes

/// More of something than the domain allows; the event becomes a dead letter.
struct BeyondLimit: Error, CustomStringConvertible {
    let description: String
}

extension A2PMachine {
    /// AT&T, T-Mobile and Verizon must decide; US Cellular (10037) may.
    static let requiredCarriers = ["10017", "10035", "10038"]

    private static let carrierEvents: [(EventKind, String)] = [
        ("MNO_CAMPAIGN_OPERATION_REVIEW", "REVIEW"), ("MNO_CAMPAIGN_OPERATION_APPROVED", "APPROVED"),
        ("MNO_CAMPAIGN_OPERATION_REJECTED", "REJECTED"), ("MNO_CAMPAIGN_OPERATION_SUSPENDED", "SUSPENDED"),
        ("MNO_CAMPAIGN_OPERATION_UNSUSPENDED", "APPROVED"),
    ]

    private static let early: [State] = [
        .CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED, .CAMPAIGN_REGISTERED, .CNP_SHARE_PENDING, .CNP_DECLINED, .DCA_REVIEW,
        .RESUBMIT_PENDING, .DCA_COMPLETE, .CAMPAIGN_VERIFIED, .NUMBERS_PENDING, .NUMBERS_PARTIAL, .MANUAL_HOLD, .MNO_REJECTED,
    ]

    /// Step 9, and what carriers say later.
    static let carriers: [Row] =
        carrierEvents.flatMap { kind, status in
            [
                Row(from: early, on: kind, "store the carrier's word") { record, state, event, context in
                    try await note(status, event.payload, &record, context)
                    return state
                },
                Row(
                    from: [.MNO_REVIEW, .MNO_PARTIAL], on: kind, to: [.MNO_REVIEW, .MNO_PARTIAL, .CAMPAIGN_VERIFIED, .MNO_REJECTED],
                    "weigh the carriers"
                ) {
                    record, _, event, context in
                    try await note(status, event.payload, &record, context)
                    return try await weigh(&record, context)
                },
                Row(from: [.ACTIVE, .CAMPAIGN_SUSPENDED], on: kind, to: [.ACTIVE, .CAMPAIGN_SUSPENDED], "suspend or resume") {
                    record, state, event, context in
                    try await note(status, event.payload, &record, context)
                    return try await suspendOrResume(&record, state, context)
                },
            ]
        } + [
            Row(
                from: [.DCA_COMPLETE], on: .continue, to: [.MNO_REVIEW, .MNO_PARTIAL, .CAMPAIGN_VERIFIED, .MNO_REJECTED], "open the fan-out"
            ) {
                record, _, _, context in try await weigh(&record, context)
            },
            Row(
                from: [.MNO_REVIEW, .MNO_PARTIAL], on: "timer.repoll", to: [.MNO_REVIEW, .MNO_PARTIAL, .CAMPAIGN_VERIFIED, .MNO_REJECTED],
                "re-read every carrier"
            ) {
                record, _, _, context in
                try await rereadCarriers(&record, context)
                return try await weigh(&record, context)
            },
            Row(
                from: [.MNO_REVIEW, .MNO_PARTIAL], on: "timer.stage_deadline", to: [.CAMPAIGN_VERIFIED, .FAILED, .EXPIRED],
                "day 45: go on with those that approved"
            ) {
                record, _, event, context in
                let hasApproval = requiredCarriers.contains { record.carriers[$0]?.status == "APPROVED" }
                if hasApproval, event.payload["rule"]?.string != "whole-life" { return .CAMPAIGN_VERIFIED }
                return try await deadline(&record, event, context)
            },
        ]

    private static func suspendOrResume(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        let isSuspended = record.carriers.values.contains { $0.status == "SUSPENDED" }
        if isSuspended, state == .ACTIVE {
            try await Notifications(context.effects).send("campaign-suspended", &record, step: "10")
        } else if !isSuspended, state == .CAMPAIGN_SUSPENDED {
            try await Notifications(context.effects).send("campaign-resumed", &record, step: "10")
        }
        return isSuspended ? .CAMPAIGN_SUSPENDED : .ACTIVE
    }

    /// Reads what every carrier says; a word that nobody knows changes nothing.
    private static func rereadCarriers(_ record: inout Registration, _ context: ActionContext) async throws {
        let known = try await context.effects.read("registry.campaign")["carriers"]?.object ?? [:]
        for (mno, status) in known {
            guard let status = carrierStatus(status) else { continue }
            var row = record.carriers[mno] ?? CarrierRow()
            if row.status != status { row = CarrierRow(status: status) }
            record.carriers[mno] = row
        }
    }

    /// A carrier's word; re-sellers write REGISTERED for APPROVED and the other way round.
    private static func carrierStatus(_ value: JSONValue) -> String? {
        switch value.statusWord {
        case "ACCEPTED", "REGISTERED", "ACTIVE": "APPROVED"
        case "REVIEW", "PENDING": "REVIEW"
        case "REJECTED": "REJECTED"
        case "SUSPENDED": "SUSPENDED"
        default: nil
        }
    }

    /// Stores a carrier's word. A contradiction (approved, then rejected, or the other way round) is decided by a re-read.
    private static func note(_ status: String, _ payload: JSONValue, _ record: inout Registration, _ context: ActionContext) async throws {
        // A word about no carrier in particular: every one is asked.
        guard let mno = payload["mnoId"]?.integer.map(String.init) else { return try await rereadCarriers(&record, context) }
        var row = record.carriers[mno] ?? CarrierRow()
        let decided: Set = ["APPROVED", "REJECTED"]
        if decided.contains(row.status), decided.contains(status), row.status != status {
            record.conflicts += 1
            let truth = try await context.effects.read("registry.campaign")["carriers"]?[mno].flatMap(carrierStatus)
            row.status = truth ?? status
        } else if !(decided.contains(row.status) && status == "REVIEW") {
            row.status = status
        }
        row.reasons = row.status == "REJECTED" || row.status == "SUSPENDED" ? payload.reasons.sorted() : []
        record.carriers[mno] = row
    }

    private static func weigh(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        let rows = requiredCarriers.map { record.carriers[$0]?.status ?? "NOT_SUBMITTED" }
        let approved = rows.count { $0 == "APPROVED" || $0 == "SUSPENDED" }
        let isDecided = !rows.contains { $0 == "NOT_SUBMITTED" || $0 == "REVIEW" }
        if isDecided, approved > 0 { return .CAMPAIGN_VERIFIED }
        if isDecided {
            record.reject(by: "carrier", codes: record.carriers.values.flatMap(\.reasons) + ["30899"])
            try await Notifications(context.effects).send("carriers-rejected", &record, step: "9")
            return .MNO_REJECTED
        }
        return approved > 0 ? .MNO_PARTIAL : .MNO_REVIEW
    }

    private static let numberEvents: [(EventKind, String)] = [
        ("number-registration.pending", "PENDING_REGISTRATION"), ("number-registration.successful", "REGISTERED"),
        ("number-registration.failed", "FAILED"), ("number-deregistration.pending", "PENDING_DEREGISTRATION"),
        ("number-deregistration.successful", "UNREGISTERED"), ("number-deregistration.failed", "DEREG_FAILED"),
    ]

    private static let pending: [State] = [.NUMBERS_PENDING, .NUMBERS_PARTIAL]
    private static let counted: [State] = [.NUMBERS_PENDING, .NUMBERS_PARTIAL, .ACTIVE]

    /// Step 10.
    static let numbers: [Row] =
        numberEvents.map { kind, status in
            Row(from: pending, on: kind, to: counted, "count the numbers") { record, state, event, context in
                note(status, event, &record)
                return try await count(&record, state, context)
            }
        } + [
            Row(from: [.CAMPAIGN_VERIFIED], on: .continue, to: counted, "attach the numbers, publish the throughput") {
                record, _, _, context in
                for index in record.numbers.indices where record.numbers[index].attempts == 0 {
                    try await NumberProvider(context.effects).attach(index + 1, &record)
                }
                try await CarrierNetwork(context.effects).publishThroughput(record)
                return try await count(&record, .NUMBERS_PENDING, context)
            },
            Row(from: pending, on: "timer.repoll", to: counted, "re-read the numbers; 36 h pending is tried again, three times") {
                record, state, _, context in
                for index in record.numbers.indices where !record.numbers[index].isDecided { try await reread(index + 1, &record, context) }
                return try await count(&record, state, context)
            },
            Row(
                from: [.ACTIVE, .CAMPAIGN_SUSPENDED], on: "timer.repoll", to: [.ACTIVE, .CAMPAIGN_SUSPENDED],
                "re-read numbers that are pending, and carriers that suspend"
            ) { record, state, _, context in
                for index in record.numbers.indices where record.numbers[index].isPending { try await reread(index + 1, &record, context) }
                guard state == .CAMPAIGN_SUSPENDED else { return state }
                try await rereadCarriers(&record, context)
                return try await suspendOrResume(&record, state, context)
            },
            Row(from: pending + [.ACTIVE, .CAMPAIGN_SUSPENDED], on: "numbers.add", to: [.NUMBERS_PARTIAL], "attach one more") {
                record, state, _, context in
                let limit = NumberLimit.of(hasPool: record.hasNumberPool ?? false)
                guard record.numbers.count < limit else {
                    throw BeyondLimit(description: "expected at most \(limit) numbers for one campaign, found one more; split the campaign")
                }
                record.numbers.append(NumberRow())
                try await NumberProvider(context.effects).attach(record.numbers.count, &record)
                return state
            },
            Row(from: pending + [.ACTIVE, .CAMPAIGN_SUSPENDED], on: "numbers.remove", to: [], "detach one") {
                record, state, event, context in
                guard let index = event.payload["number"]?.integer, (1...record.numbers.count).contains(index) else { return state }
                try await NumberProvider(context.effects).detach(index, &record)
                return state
            },
        ]

    /// Notes what the provider says about a number; a message older than the last one is stale.
    static func note(_ status: String, _ event: Event, _ record: inout Registration) {
        let bySid = record.numbers.firstIndex { $0.sid != nil && $0.sid == event.payload["numberSid"]?.string }
        guard let index = bySid ?? place(event.payload, in: record) else { return }
        var row = record.numbers[index]
        if let last = row.statusAt, event.occurredAt < last { return }
        if row.status == "REGISTERED", status == "PENDING_REGISTRATION" { return }
        row.status = status
        row.statusAt = event.occurredAt
        row.failure = status == "FAILED" ? event.payload["failureReason"]?.string ?? event.payload.reasons.first : nil
        record.numbers[index] = row
    }

    /// The row that a message without a number of ours is about: the one it counts, or the only one there is.
    private static func place(_ payload: JSONValue, in record: Registration) -> Int? {
        if let number = payload["number"]?.integer { return (1...max(1, record.numbers.count)).contains(number) ? number - 1 : nil }
        return payload["numberSid"] == nil && record.numbers.count == 1 ? 0 : nil
    }

    private static func reread(_ index: Int, _ record: inout Registration, _ context: ActionContext) async throws {
        let truth = try await context.effects.read("provider.number", request: ["number": .integer(index)])
        let row = record.numbers[index - 1]
        if let status = numberStatus(truth["status"]), row.awaits(status) {
            record.numbers[index - 1].status = status
            return
        }
        // Nothing is attached again that is on its way out.
        guard row.status != "PENDING_DEREGISTRATION", row.status != "DEREG_FAILED" else { return }
        guard let since = row.pendingSince, context.now - since >= .hours(36) else { return }
        if row.attempts < 3 {
            try await NumberProvider(context.effects).attach(index, &record)
        } else {
            record.numbers[index - 1].status = "FAILED"
            record.numbers[index - 1].failure = "30125"
        }
    }

    private static func numberStatus(_ value: JSONValue?) -> String? {
        switch value?.statusWord {
        case "REGISTERED", "ASSIGNED", "SUCCESS": "REGISTERED"
        case "FAILED", "REJECTED": "FAILED"
        case "UNREGISTERED", "DEREGISTERED", "UNASSIGNED": "UNREGISTERED"
        default: nil
        }
    }

    private static func count(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        let registered = record.numbers.count { $0.status == "REGISTERED" }
        let isDecided = !record.numbers.contains { !$0.isDecided }
        if isDecided, registered > 0 {
            try await Notifications(context.effects).send("campaign-active", &record, step: "10")
            return record.carriers.values.contains { $0.status == "SUSPENDED" } ? .ACTIVE : .ACTIVE
        }
        return registered > 0 || isDecided ? .NUMBERS_PARTIAL : .NUMBERS_PENDING
    }

    /// A step's deadline has passed: 30901, or expired when it is the deadline of the whole registration.
    static func deadline(_ record: inout Registration, _ event: Event, _ context: ActionContext) async throws -> State {
        if event.payload["rule"]?.string == "whole-life" {
            try await Notifications(context.effects).send("expired", &record, step: "8")
            return .EXPIRED
        }
        record.failureCode = "30901"
        try await Notifications(context.effects).send("failed", &record, step: "8")
        return .FAILED
    }
}
