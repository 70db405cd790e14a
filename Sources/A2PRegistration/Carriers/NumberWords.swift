package import Events
import Outcomes

/// What the numbers of a campaign have come to.
package enum NumberVerdict {
    case pending, partial, active
}

extension NumberRow {
    /// The kinds of events about one number, with the status they mean.
    package static let kinds: [(EventKind, String)] = [
        ("number-registration.pending", "PENDING_REGISTRATION"), ("number-registration.successful", "REGISTERED"),
        ("number-registration.failed", "FAILED"), ("number-deregistration.pending", "PENDING_DEREGISTRATION"),
        ("number-deregistration.successful", "UNREGISTERED"), ("number-deregistration.failed", "DEREG_FAILED"),
    ]
}

extension Registration {
    /// True while the provider's word about a number is awaited.
    package var isNumberPending: Bool { numbers.contains(where: \.isPending) }

    /// Notes what the provider says about a number; a message older than the last one is stale.
    package mutating func takeNumber(_ status: String, _ event: Event) {
        let bySid = numbers.firstIndex { $0.sid != nil && $0.sid == event.payload["numberSid"]?.string }
        guard let index = bySid ?? place(event.payload) else { return }
        var row = numbers[index]
        if let last = row.statusAt, event.occurredAt < last { return }
        if row.status == "REGISTERED", status == "PENDING_REGISTRATION" { return }
        row.status = status
        row.statusAt = event.occurredAt
        row.failure = status == "FAILED" ? event.payload["failureReason"]?.string ?? event.payload.reasons.first : nil
        numbers[index] = row
    }

    /// The row that a message without a number of ours is about: the one it counts, or the only one there is.
    private func place(_ payload: JSONValue) -> Int? {
        if let number = payload["number"]?.integer { return (1...max(1, numbers.count)).contains(number) ? number - 1 : nil }
        return payload["numberSid"] == nil && numbers.count == 1 ? 0 : nil
    }

    /// What the numbers have come to: active when nothing is expected of any of them, and one is registered.
    package var numberVerdict: NumberVerdict {
        let isRegistered = numbers.contains { $0.status == "REGISTERED" }
        let isDecided = !numbers.contains { !$0.isDecided }
        return isDecided && isRegistered ? .active : isRegistered || isDecided ? .partial : .pending
    }
}

extension NumberProvider {
    /// Attaches every number that never was.
    package func attachAll(_ registration: inout Registration) async throws {
        for index in registration.numbers.indices where registration.numbers[index].attempts == 0 {
            try await attach(index + 1, &registration)
        }
    }

    /// Reads the status of every number of which the provider's answer is awaited.
    package func rereadPending(_ registration: inout Registration) async throws {
        for index in registration.numbers.indices where registration.numbers[index].isPending {
            try await reread(index + 1, &registration)
        }
    }

    /// Reads the status of number `index` (from 1). One that has been pending for 36 hours is attached again, three times in all.
    package func reread(_ index: Int, _ registration: inout Registration) async throws {
        let truth = try await effects.read("provider.number", request: ["number": .integer(index)])
        let row = registration.numbers[index - 1]
        if let status = Self.status(truth["status"]), row.awaits(status) {
            registration.numbers[index - 1].status = status
            return
        }
        // Nothing is attached again that is on its way out.
        guard row.status != "PENDING_DEREGISTRATION", row.status != "DEREG_FAILED" else { return }
        guard let since = row.pendingSince, effects.now - since >= .hours(36) else { return }
        if row.attempts < 3 {
            try await attach(index, &registration)
        } else {
            registration.numbers[index - 1].status = "FAILED"
            registration.numbers[index - 1].failure = "30125"
        }
    }

    private static func status(_ value: JSONValue?) -> String? {
        switch value?.statusWord {
        case "REGISTERED", "ASSIGNED", "SUCCESS": "REGISTERED"
        case "FAILED", "REJECTED": "FAILED"
        case "UNREGISTERED", "DEREGISTERED", "UNASSIGNED": "UNREGISTERED"
        default: nil
        }
    }
}
