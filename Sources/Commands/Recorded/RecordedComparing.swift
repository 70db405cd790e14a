package import Cutover
package import Events
import FoundationEssentials
package import ShadowComparator

/// Compares two recordings, on all cores and in memory that does not grow with them.
package struct RecordedComparing {
    /// How much of the larger recording is one part: what a killed process loses is at most one second's work and the parts at work.
    private static let partBytes = 1 << 21
    private static let timeBetweenCheckpoints = Duration.seconds(1)

    private let control: RecordingFile
    private let candidate: RecordingFile
    private let comparator: Comparator
    private let moment: Timestamp
    private let checkpoint: RecordedCheckpointFile?
    private let partBytes: Int
    /// What an earlier process has left.
    private var tally: RecordedTally
    private var position = RecordedPosition()

    /// Opens both recordings, and goes on from the checkpoint in the file `checkpoint` when there is one; rules count as of `moment`, or as
    /// of the beginning of what goes on. Throws a sentence for what are no recordings, and for the checkpoint of another comparison.
    package init(
        _ control: String, _ candidate: String, plan: MigrationPlan, at moment: Timestamp, checkpoint path: String? = nil,
        partBytes: Int? = nil
    ) throws {
        (self.control, self.candidate) = (try RecordingFile(path: control), try RecordingFile(path: candidate))
        self.partBytes = partBytes ?? Self.partBytes
        checkpoint = path.map { RecordedCheckpointFile(path: $0) }
        let left = try checkpoint?.load()
        self.moment = left?.moment ?? moment
        comparator = plan.comparator(at: self.moment)
        tally = left?.tally(comparator) ?? RecordedTally(comparator)
        position = left?.position ?? position
        guard let checkpoint, let left, left.subject != subject else { return }
        throw checkpoint.refusal("one of other recordings, or of the same before they were written anew, or of another plan")
    }

    private var subject: RecordedCheckpoint.Subject { RecordedCheckpoint.Subject(control, candidate, comparator) }

    /// Compares what is left to compare. `progress` is told how many entities were compared, and how many bytes of how many were read.
    package func run(
        workers: Int = ProcessInfo.processInfo.activeProcessorCount, progress: (Int, Int, Int) -> Void = { _, _, _ in }
    ) async throws -> RecordedSummary {
        var run = RecordedRun(tally: tally)
        var parts = RecordedParts(control, candidate, bytes: partBytes, from: position)
        var saved: ContinuousClock.Instant?
        let total = control.size + candidate.size - position.control - position.candidate
        try await withThrowingTaskGroup(of: (index: Int, part: RecordedPart, tally: RecordedTally).self) { group in
            for _ in 0..<max(1, workers) * 2 { try start(parts.next(), &run, &group) }
            while let done = try await group.next() {
                let reached = run.finish(done.index, done.part, done.tally)
                if let reached, saved.map({ ContinuousClock.now - $0 > Self.timeBetweenCheckpoints }) ?? true {
                    try checkpoint?.save(RecordedCheckpoint(subject, at: moment, reached, run.tally))
                    saved = .now
                }
                while run.mayStart(workers * 2), try start(parts.next(), &run, &group) {}
                let read = reached.map { $0.control + $0.candidate - position.control - position.candidate }
                if let read { progress(run.tally.summary.compared, read, total) }
            }
        }
        checkpoint?.remove()
        return RecordedSummary(run.tally)
    }

    @discardableResult
    private func start(
        _ part: RecordedPart?, _ run: inout RecordedRun,
        _ group: inout ThrowingTaskGroup<(index: Int, part: RecordedPart, tally: RecordedTally), any Error>
    ) throws -> Bool {
        guard let part else { return false }
        let (control, candidate, comparator, index) = (control, candidate, comparator, run.start())
        group.addTask {
            var merge = RecordedMerge(part, control, candidate, comparator)
            return (index, part, try merge.run())
        }
        return true
    }
}

/// Puts the tallies of parts, which end in any order, together in the order of the parts.
private struct RecordedRun {
    private(set) var tally: RecordedTally
    private var started = 0
    private var merged = 0
    private var waiting: [Int: (RecordedPart, RecordedTally)] = [:]

    init(tally: RecordedTally) { self.tally = tally }

    /// True while no more than `most` parts are at work or wait for an earlier one.
    func mayStart(_ most: Int) -> Bool { started - merged < most }

    mutating func start() -> Int {
        started += 1
        return started - 1
    }

    /// A part has ended. Returns how far everything is compared; nil when an earlier part is still at work.
    mutating func finish(_ index: Int, _ part: RecordedPart, _ found: RecordedTally) -> RecordedPosition? {
        waiting[index] = (part, found)
        var reached: RecordedPosition?
        while let (part, found) = waiting.removeValue(forKey: merged) {
            tally.merge(found)
            merged += 1
            reached = RecordedPosition(after: part)
        }
        return reached
    }
}

/// What a comparison of two recordings has come to.
package struct RecordedSummary: Hashable, Sendable {
    /// Of the entities of which something can be said.
    package let comparison: ComparisonSummary
    let unpaired: RecordedTally.Lines
    let unreadable: RecordedTally.Lines

    init(_ tally: RecordedTally) { (comparison, unpaired, unreadable) = (tally.summary, tally.unpaired, tally.unreadable) }

    /// True when all lines could be read, and nothing differs that nobody answers for.
    var isSame: Bool { comparison.mismatched == 0 && comparison.slower.isEmpty && unreadable.all == 0 }
}
