import Cutover
import Events
import HybridRouter
import MigrationReport
import Outcomes
import ShadowComparator

/// A report as a run over a few hundred registrations gives it, with two mismatches.
enum SampleReport {
    static let plan = MigrationPlan(
        name: "hybrid-5.2", version: 3,
        steps: [
            PlannedStep(number: "1", title: "Intake and validation", stage: .legacy),
            PlannedStep(number: "2", title: "Trust profile review", stage: .legacy),
            PlannedStep(number: "3", title: "Brand submission", stage: .legacy),
            PlannedStep(number: "4", title: "Brand identity verification", stage: .legacy),
            PlannedStep(number: "5", title: "Brand readiness", stage: .legacy),
            PlannedStep(number: "5.2", title: "Secondary vetting", stage: .durable, isAdded: true),
            PlannedStep(number: "6", title: "Use case and content review", stage: .canary(percent: 10)),
            PlannedStep(number: "7", title: "Campaign submission", stage: .legacy),
            PlannedStep(number: "8", title: "Sharing and DCA review", stage: .legacy),
            PlannedStep(number: "9", title: "Carrier review", stage: .legacy),
            PlannedStep(number: "10", title: "Number registration and activation", stage: .legacy),
        ])

    static let figures: [StepNumber: StepFigures] = [
        "1": StepFigures(entered: 1204, completed: 1204, meanHours: 0.01),
        "2": StepFigures(entered: 1204, completed: 1187, meanHours: 31.4),
        "3": StepFigures(entered: 1187, completed: 1186, meanHours: 0.03),
        "4": StepFigures(entered: 1186, completed: 1160, meanHours: 6.2),
        "5": StepFigures(entered: 1160, completed: 1160, meanHours: 0),
        "5.2": StepFigures(entered: 1160, completed: 1151, handOffs: 1163, handBacks: 1160, meanHours: 3.7),
        "6": StepFigures(entered: 1151, completed: 1120, meanHours: 11.2),
        "7": StepFigures(entered: 1120, completed: 1120, meanHours: 0.02),
        "8": StepFigures(entered: 1120, completed: 1054, meanHours: 141),
        "9": StepFigures(entered: 1054, completed: 1021, meanHours: 260),
        "10": StepFigures(entered: 1021, completed: 1018, meanHours: 9.5),
    ]

    static let runs = [
        RunFigures(
            mode: "legacy", entities: 1204, outcomes: ["approved": 912, "approved_partial": 106, "rejected": 120, "failed": 66],
            deadLetters: ["unknown-entity": 31], late: 0, parked: 0, duplicates: 2210),
        RunFigures(
            mode: "hybrid", entities: 1204, outcomes: ["approved": 911, "approved_partial": 106, "rejected": 121, "failed": 66],
            handOffs: 1163, handBacks: 1160, deadLetters: ["unknown-entity": 31, "failed": 1], late: 4, parked: 388, duplicates: 2210),
    ]

    static func summary(hostile: String = "") -> ComparisonSummary {
        var summary = ComparisonSummary(
            comparator: Comparator(announcements: [
                Announcement(step: "5.2", place: .fact("vetting/score")),
                Announcement(step: "5.2", place: .effect("5.2", "registry.sendOTP")),
            ]))
        let vetted = [
            Difference(layer: .outcome, kind: .extra, path: "vetting/score", candidate: 78, rule: "vetting/*"),
            Difference(layer: .outcome, kind: .changed, path: "throughput/attTPM", control: 240, candidate: 2400, rule: "throughput/*"),
            Difference(layer: .effects, kind: .extra, path: "5.2/vetting.order/1", candidate: ["brandId": "B000ABC"], rule: "vetting.*"),
        ]
        for number in 1...1202 {
            summary.add(Comparison(entity: EntityID("R-\(100_000 + number)"), differences: number.isMultiple(of: 3) ? [] : vetted))
        }
        summary.add(Comparison(entity: "R-000042", differences: mismatch(hostile: hostile) + vetted))
        summary.add(
            Comparison(
                entity: "R-000777",
                differences: [
                    Difference(
                        layer: .effects, kind: .order, path: "7/billing.campaignVettingFee/1", control: "7/registry.createCampaign/1",
                        candidate: "6/provider.createMessagingService/1")
                ]))
        return summary
    }

    static func mismatch(hostile: String) -> [Difference] {
        [
            Difference(layer: .outcome, kind: .changed, path: "status", control: "approved", candidate: "rejected"),
            Difference(
                layer: .outcome, kind: .changed, path: "fee/campaignVettingFee", control: "1 x 15.00 USD", candidate: "2 x 15.00 USD"),
            Difference(layer: .state, kind: .changed, path: "state", control: "ACTIVE", candidate: "CONTENT_REJECTED"),
            Difference(
                layer: .effects, kind: .extra, path: "7/billing.campaignVettingFee/2",
                candidate: ["amountCents": 1500, "currency": "USD", "note": .string(hostile)]),
        ]
    }

    private static func entry(_ time: String, _ owner: Owner, _ epoch: Int, _ what: String, _ detail: String) -> Timeline.Entry {
        Timeline.Entry(at: Timestamp("2026-03-\(time)Z") ?? .distantPast, owner: owner, epoch: epoch, what: what, detail: detail)
    }

    private static let shared = [
        entry("02T09:00:00", .legacy, 1, "registration.submit", "DRAFT -> INTAKE_VALIDATED"),
        entry("02T09:00:00", .legacy, 1, "lockstep.continue", "INTAKE_VALIDATED -> PROFILE_PENDING_REVIEW"),
        entry("02T14:12:09", .legacy, 1, "profile.in_review", "PROFILE_PENDING_REVIEW -> PROFILE_IN_REVIEW"),
        entry("03T10:40:31", .legacy, 1, "profile.approved", "PROFILE_IN_REVIEW -> PROFILE_APPROVED"),
        entry("03T10:40:31", .legacy, 1, "lockstep.continue", "PROFILE_APPROVED -> BRAND_SUBMITTED"),
        entry("03T10:41:46", .legacy, 1, "BRAND_ADD", "BRAND_SUBMITTED -> BRAND_PENDING_IDENTITY"),
        entry("03T10:42:32", .legacy, 1, "BRAND_IDENTITY_STATUS_UPDATE", "BRAND_PENDING_IDENTITY -> BRAND_VERIFIED"),
        entry("03T10:42:32", .legacy, 1, "lockstep.continue", "BRAND_VERIFIED -> BRAND_READY"),
    ]

    static let control = Timeline(
        path: "legacy",
        entries: shared + [
            entry("03T10:42:32", .legacy, 1, "lockstep.continue", "BRAND_READY -> CONTENT_REVIEW"),
            entry("04T08:15:00", .legacy, 1, "content.approved", "CONTENT_REVIEW -> CAMPAIGN_SUBMITTED"),
            entry("04T08:15:20", .legacy, 1, "CAMPAIGN_ADD", "CAMPAIGN_SUBMITTED -> CAMPAIGN_REGISTERED"),
            entry("19T16:03:11", .legacy, 1, "number-registration.successful", "NUMBERS_PENDING -> ACTIVE"),
        ])

    static let candidate = Timeline(
        path: "hybrid",
        entries: shared + [
            entry("03T10:42:32", .durable, 2, "hand off", "steps 5.2 to segment R-000042/2"),
            entry("03T10:42:33", .durable, 2, "vetting.order", "performed R-000042/5.2/vetting.order/1"),
            entry("03T11:20:04", .durable, 2, "EVP_REPORT_SCORE", "signalled"),
            entry("03T11:20:04", .legacy, 3, "hand back", "completed 5.2"),
            entry("03T11:20:04", .legacy, 3, "lockstep.continue", "BRAND_READY -> CONTENT_REVIEW"),
            entry("04T08:15:00", .legacy, 3, "content.rejected", "CONTENT_REVIEW -> CONTENT_REJECTED"),
        ])

    static let states = [
        "DRAFT", "INTAKE_VALIDATED", "INTAKE_REJECTED", "PROFILE_PENDING_REVIEW", "PROFILE_IN_REVIEW", "PROFILE_REJECTED",
        "PROFILE_APPROVED", "BRAND_SUBMITTED", "BRAND_SUBMIT_FAILED", "BRAND_PENDING_IDENTITY", "BRAND_UNVERIFIED", "BRAND_REVET_PENDING",
        "BRAND_APPEAL_PENDING", "BRAND_OTP_PENDING", "BRAND_VERIFIED", "BRAND_READY", "USECASE_NOT_QUALIFIED", "CONTENT_REVIEW",
        "CONTENT_REJECTED", "CAMPAIGN_SUBMITTED", "CAMPAIGN_SUBMIT_FAILED", "CAMPAIGN_REGISTERED", "CNP_SHARE_PENDING", "CNP_DECLINED",
        "DCA_REVIEW", "DCA_COMPLETE", "MNO_REVIEW", "MNO_PARTIAL", "MNO_REJECTED", "CAMPAIGN_VERIFIED", "NUMBERS_PENDING",
        "NUMBERS_PARTIAL", "ACTIVE", "CAMPAIGN_SUSPENDED", "RESUBMIT_PENDING", "EXPIRED", "CANCELLED", "FAILED", "MANUAL_HOLD",
    ]

    static let events = [
        "registration.submit", "registration.update", "registration.cancel", "registration.resubmit", "numbers.add", "numbers.remove",
        "profile.in_review", "profile.approved", "profile.rejected", "BRAND_ADD", "BRAND_SCORE_UPDATE", "BRAND_IDENTITY_STATUS_UPDATE",
        "BRAND_UPDATE", "BRAND_REVET", "BRAND_APPEAL_COMPLETE", "BRAND_OTP_VERIFIED", "BRAND_DELETE", "brand.suspended",
        "content.approved", "content.rejected", "CAMPAIGN_ADD", "CAMPAIGN_UPDATE", "CAMPAIGN_SHARE_ADD", "CAMPAIGN_SHARE_ACCEPT",
        "CAMPAIGN_SHARE_DELETE", "CAMPAIGN_DCA_COMPLETE", "CAMPAIGN_NUDGE", "CAMPAIGN_RESUBMISSION", "CAMPAIGN_BILLED", "CAMPAIGN_EXPIRED",
        "MNO_CAMPAIGN_OPERATION_REVIEW", "MNO_CAMPAIGN_OPERATION_APPROVED", "MNO_CAMPAIGN_OPERATION_REJECTED",
        "MNO_CAMPAIGN_OPERATION_SUSPENDED", "MNO_CAMPAIGN_OPERATION_UNSUSPENDED", "MNO_COMPLAINT", "number-registration.pending",
        "number-registration.successful", "number-registration.failed", "number-deregistration.pending",
        "number-deregistration.successful", "number-deregistration.failed", "timer.repoll", "timer.stage_deadline", "support.override",
        "billing.result",
    ]

    static let matrix: MatrixView = {
        var taken: [String: [String: Int]] = [:]
        for (row, state) in states.enumerated() {
            for (column, event) in events.enumerated() where (row * 7 + column * 3) % 11 < 4 {
                let distance = abs(row * events.count / states.count - column)
                taken[state, default: [:]][event] = distance < 2 ? 2000 : distance < 5 ? 300 : distance < 9 ? 40 : distance < 14 ? 3 : 0
            }
        }
        return MatrixView(machine: "a2p-registration", states: states, events: events, taken: taken) { state, event in
            switch StableHash.value("\(state)/\(event)") % 10 {
            case 0...5: .handled
            case 6...8: .ignored
            default: .undefined
            }
        }
    }()

    static func report(hostile: String = "", unread: [String: Int] = [:]) -> Report {
        var runs = runs
        for index in runs.indices { runs[index].unread = unread }
        let summary = summary(hostile: hostile)
        var candidate = candidate
        if !hostile.isEmpty { candidate.entries[8].detail = hostile }
        return Report(
            title: "A2P registration\(hostile)", generatedAt: Timestamp("2026-06-10T12:00:00Z") ?? .distantPast,
            plan: PlanProgress(plan, figures: figures), runs: runs, comparison: summary,
            mismatches: summary.mismatches.map { MismatchDetail(comparison: $0, control: control, candidate: candidate) },
            segments: [segment(hostile: hostile)], matrix: matrix, costs: [cost])
    }

    static let cost: StepCost = {
        var table = StepCost.Table()
        (table.states, table.events, table.cells, table.cellsHandled) = (7, 9, 1436, 281)
        (table.rowsAdded, table.rowsChanged, table.statesTouched) = (31, 13, 2)
        return StepCost(
            step: "5.2", legacy: StepCost.Side(files: 7, linesAdded: 1290, linesRemoved: 21, table: table),
            durable: StepCost.Side(files: 4, linesAdded: 214, linesRemoved: 1))
    }()

    static func segment(hostile: String) -> SegmentAudit {
        let at = Timestamp("2026-06-01T09:00:00Z") ?? .distantPast
        return SegmentAudit(
            entity: "R-000042", workflow: "R-000042/2", run: "0123456789abcdef", status: "completed",
            entries: [
                SegmentAudit.Entry(event: 5, at: at, kind: "activityTaskScheduled", detail: "vetting.order, input 486 bytes", identity: ""),
                SegmentAudit.Entry(
                    event: 6, at: at + .seconds(3), kind: "activityTaskFailed", detail: "timeout ← refused\(hostile)", identity: "worker-1"),
            ])
    }
}
