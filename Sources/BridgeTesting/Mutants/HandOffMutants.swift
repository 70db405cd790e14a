import Events
import HybridRouter
import Outcomes

extension EntityTransaction {
    fileprivate var isRecall: Bool {
        moves.contains { if case .recalled = $0 { true } else if case .failed = $0 { true } else { false } }
    }
    fileprivate var isHandBack: Bool { moves.contains { if case .handedBack = $0 { true } else { false } } }
    fileprivate var isHandOff: Bool { moves.contains { if case .handedOff = $0 { true } else { false } } }
}

extension Consequences {
    /// Leaves told rows with the segment.
    fileprivate mutating func keepSignalled() {
        let back = Set(requeued.map(\.sequence))
        rows.removeAll { back.contains($0.sequence) }
        requeued = []
    }
}

extension Mutant {
    /// Bugs of several moves under way at a time: each leaves out what stands between a read and its commit. A run of one thing at a time has
    /// no occasion for them.
    package static let lanes: [Mutant] = [
        Mutant(
            nil, "a record is written back whoever wrote it meanwhile",
            ports: PortWrapper(handoffs: { BendingStore(base: $0, bend: { transaction, _ in transaction.version = nil }) })),
        Mutant(
            nil, "a call is intended though somebody else was first", rates: [.recall: 0.1], parties: .neither,
            ports: PortWrapper(handoffs: { HastyIntentions(base: $0) })),
    ]

    /// One or more for every bug of the catalogue that router, bridge, store or engine can have, whatever the domain.
    package static let handOff: [Mutant] = [
        Mutant(1, "an event that the segment used is also given back to legacy") { consequences, transaction, _ in
            let used = Set(transaction.moves.flatMap(\.used))
            for index in consequences.rows.indices where used.contains(consequences.rows[index].sequence) {
                consequences.rows[index].disposition = .pending
            }
        },
        Mutant(
            2, "two events share an id, and deduplication eats one",
            store: { BendingInbox(base: $0, bend: { $0.id = EventID("\($0.source)-\($0.kind)-\($0.reference)") }) }),
        Mutant(3, "an event is done when the segment has been told, not when it has used it") { consequences, _, _ in
            for index in consequences.rows.indices where consequences.rows[index].disposition == .signalled {
                consequences.rows[index].disposition = .consumed
            }
        },
        Mutant(
            4, "legacy is not woken after the hand back",
            deciding: { transaction, _ in if transaction.isHandBack { transaction.moves.removeAll { $0 == .continued } } }),
        Mutant(5, "no fence: a write counts under whatever epoch", rates: [.recall: 0.1], deciding: { $0.epoch = $1.ownership.epoch }),
        Mutant(6, "a second segment of an entity gets the id of its first") { consequences, _, _ in
            for index in consequences.outbox.indices where consequences.outbox[index].kind == .start {
                consequences.outbox[index].epoch = 2
            }
        },
        Mutant(
            7, "the record is not read back when a step is taken back",
            deciding: { transaction, _ in if transaction.isRecall { transaction.record?.state = "BRAND_SUBMITTED" } }),
        Mutant(
            8, "an effect's key is made anew by each owner",
            ports: PortWrapper(handoffs: { ForgetfulLedger(base: $0) }, effects: { RenamedEffects(base: $0) })),
        Mutant(
            8, "parties that answer look-ups are not asked before a call", parties: .answersLookUps,
            ports: PortWrapper(effects: { NoLookUps(base: $0) })),
        Mutant(
            8, "parties that say nothing are asked again after a call of unknown outcome", parties: .neither,
            ports: PortWrapper(handoffs: { NoIntentions(base: $0) })),
        Mutant(9, "completed steps are open again after a recall") { consequences, transaction, _ in
            if transaction.isRecall { consequences.ownership.completions = [:] }
        },
        Mutant(10, "the hand-off waits for a moment that never comes", store: { IdleGate(base: $0) }),
        Mutant(
            11, "the sweeper's next look is forgotten at a recall", rates: [.recall: 0.2, .loss: 0.6],
            deciding: { transaction, _ in if transaction.isRecall { transaction.record?.dueAt = nil } }),
        Mutant(
            11, "the time of birth is shifted at the hand back",
            deciding: { transaction, _ in
                if transaction.isHandBack, let born = transaction.record?.createdAt {
                    transaction.record?.createdAt = born + (.zero - .days(90))
                }
            }),
        Mutant(12, "the recalled segment is not cancelled") { consequences, _, _ in consequences.outbox.removeAll { $0.kind == .cancel } },
        Mutant(13, "an operator's path skips the guard of the halt", store: { UnguardedMoves(base: $0) }),
        Mutant(14, "the end of a halt is lost", store: { StuckHalt(base: $0) }),
        Mutant(14, "events told to a segment stay its own after the recall") { consequences, transaction, _ in
            if transaction.isRecall { consequences.keepSignalled() }
        },
        Mutant(14, "events told to a segment stay its own after the hand back") { consequences, transaction, _ in
            if transaction.isHandBack { consequences.keepSignalled() }
        },
        Mutant(15, "legacy goes on although the durable side has the entity") { consequences, transaction, _ in
            if transaction.isHandOff { consequences.ownership.owner = .legacy }
        },
        Mutant(16, "parked events stay parked", rates: [.delay: 0.2, .reorder: 0.3]) { consequences, _, _ in
            consequences.rows.removeAll { consequences.unparked.contains($0.sequence) }
            consequences.requeued.removeAll { consequences.unparked.contains($0.sequence) }
        },
        Mutant(
            17, "an inclusive watermark handles the last event again",
            store: { [position = InclusiveWatermark.Position()] in InclusiveWatermark(base: $0, position: position) }),
        Mutant(18, "the sweep sends no timer") { consequences, _, _ in consequences.appended.removeAll { $0.source == .timer } },
        Mutant(20, "a recall is forgotten: the step may go to the durable side again") { consequences, transaction, _ in
            if transaction.isRecall { consequences.ownership.pins = [:] }
        },
        Mutant(
            22, "a repeated webhook is news", rates: [.duplicate: 0.3],
            store: {
                BendingInbox(base: $0) { event in
                    event.id = EventID("\(event.id)-\(event.receivedAt)")
                    event.subject = nil
                }
            }),
        Mutant(
            23, "an early event is answered and dropped", rates: [.delay: 0.2, .reorder: 0.3]
        ) { consequences, _, _ in
            for index in consequences.rows.indices where consequences.rows[index].disposition == .parked {
                consequences.rows[index].disposition = .consumed
            }
        },
    ]
}
