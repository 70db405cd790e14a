import Events
import LegacyStateMachine
import Outcomes

extension A2PMachine {
    private static let early: [State] = [
        .CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED, .CAMPAIGN_REGISTERED, .CNP_SHARE_PENDING, .CNP_DECLINED, .DCA_REVIEW,
        .RESUBMIT_PENDING, .DCA_COMPLETE, .CAMPAIGN_VERIFIED, .NUMBERS_PENDING, .NUMBERS_PARTIAL, .MANUAL_HOLD, .MNO_REJECTED,
    ]

    /// Step 9, and what carriers say later.
    static let carriers: [Row] =
        CarrierWord.kinds.flatMap { kind, status in
            [
                Row(from: early, on: kind, "store the carrier's word") { record, state, event, context in
                    try await Registry(context.effects).weigh(CarrierWord(status, event.payload), &record)
                    return state
                },
                Row(
                    from: [.MNO_REVIEW, .MNO_PARTIAL], on: kind, to: [.MNO_REVIEW, .MNO_PARTIAL, .CAMPAIGN_VERIFIED, .MNO_REJECTED],
                    "weigh the carriers"
                ) {
                    record, _, event, context in
                    try await Registry(context.effects).weigh(CarrierWord(status, event.payload), &record)
                    return try await weigh(&record, context)
                },
                Row(from: [.ACTIVE, .CAMPAIGN_SUSPENDED], on: kind, to: [.ACTIVE, .CAMPAIGN_SUSPENDED], "suspend or resume") {
                    record, state, event, context in
                    try await Registry(context.effects).weigh(CarrierWord(status, event.payload), &record)
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
                try await Registry(context.effects).readCarriers(&record)
                return try await weigh(&record, context)
            },
            Row(
                from: [.MNO_REVIEW, .MNO_PARTIAL], on: "timer.stage_deadline", to: [.CAMPAIGN_VERIFIED, .FAILED, .EXPIRED],
                "day 45: go on with those that approved"
            ) {
                record, _, event, context in
                if record.hasCarrierApproval, event.payload["rule"]?.string != "whole-life" { return .CAMPAIGN_VERIFIED }
                return try await deadline(&record, event, context)
            },
        ]

    private static func suspendOrResume(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        let isSuspended = record.isSuspended
        if isSuspended, state == .ACTIVE {
            try await Notifications(context.effects).send("campaign-suspended", &record, step: "11")
        } else if !isSuspended, state == .CAMPAIGN_SUSPENDED {
            try await Notifications(context.effects).send("campaign-resumed", &record, step: "11")
        }
        return isSuspended ? .CAMPAIGN_SUSPENDED : .ACTIVE
    }

    private static func weigh(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        switch record.carrierVerdict {
        case .approved: return .CAMPAIGN_VERIFIED
        case .partial: return .MNO_PARTIAL
        case .open: return .MNO_REVIEW
        case .rejected:
            record.rejectByCarriers()
            try await Notifications(context.effects).send("carriers-rejected", &record, step: "9")
            return .MNO_REJECTED
        }
    }

    private static let pending: [State] = [.NUMBERS_PENDING, .NUMBERS_PARTIAL]
    private static let counted: [State] = [.NUMBERS_PENDING, .NUMBERS_PARTIAL, .ACTIVE]

    /// Step 10.
    static let numbers: [Row] =
        NumberRow.kinds.map { kind, status in
            Row(from: pending, on: kind, to: counted, "count the numbers") { record, state, event, context in
                record.takeNumber(status, event)
                return try await count(&record, state, context)
            }
        } + [
            Row(from: [.CAMPAIGN_VERIFIED], on: .continue, to: counted, "attach the numbers, publish the throughput") {
                record, _, _, context in
                try await NumberProvider(context.effects).attachAll(&record)
                try await CarrierNetwork(context.effects).publishThroughput(record)
                return try await count(&record, .NUMBERS_PENDING, context)
            },
            Row(from: pending, on: "timer.repoll", to: counted, "re-read the numbers; 36 h pending is tried again, three times") {
                record, state, _, context in
                for index in record.numbers.indices where !record.numbers[index].isDecided {
                    try await NumberProvider(context.effects).reread(index + 1, &record)
                }
                return try await count(&record, state, context)
            },
            Row(
                from: [.ACTIVE, .CAMPAIGN_SUSPENDED], on: "timer.repoll", to: [.ACTIVE, .CAMPAIGN_SUSPENDED],
                "re-read numbers that are pending, and carriers that suspend"
            ) { record, state, _, context in
                try await NumberProvider(context.effects).rereadPending(&record)
                guard state == .CAMPAIGN_SUSPENDED else { return state }
                try await Registry(context.effects).readCarriers(&record)
                return try await suspendOrResume(&record, state, context)
            },
            Row(from: pending + [.ACTIVE, .CAMPAIGN_SUSPENDED], on: "numbers.add", to: [.NUMBERS_PARTIAL], "attach one more") {
                record, state, _, context in
                let limit = NumberLimit.of(hasPool: record.hasNumberPool ?? false)
                guard record.numbers.count < limit else {
                    throw BeyondLimit.numbers(limit)
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

    private static func count(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        switch record.numberVerdict {
        case .pending: return .NUMBERS_PENDING
        case .partial: return .NUMBERS_PARTIAL
        case .active:
            try await Notifications(context.effects).send("campaign-active", &record, step: "10")
            return .ACTIVE
        }
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
