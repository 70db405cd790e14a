import Events
import FoundationEssentials
import ShadowComparator

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a comparison of recordings has come to, on disk: one that was killed goes on from there.
struct RecordedCheckpoint: Codable {
    /// What is compared, and how. Another comparison does not go on with it.
    struct Subject: Codable, Hashable {
        let control: RecordingFile.Identity
        let candidate: RecordingFile.Identity
        /// Of everything that the comparator was told.
        let comparator: String

        init(_ control: RecordingFile, _ candidate: RecordingFile, _ comparator: Comparator) {
            (self.control, self.candidate) = (control.identity, candidate.identity)
            let promises = comparator.announcements.map { "\($0.step) \($0)" }
            let rules = comparator.rules.map { "\($0) \($0.owner) \($0.signed) \($0.expires)" }
            self.comparator = StableHash.hexadecimal((promises + rules).joined(separator: "\n"))
        }
    }

    let subject: Subject
    /// When the comparison was begun: rules count as of then.
    let moment: Timestamp
    let position: RecordedPosition
    private let summary: ComparisonSummary
    private let places: [String: Set<String>]
    private let unpaired: RecordedTally.Lines
    private let unreadable: RecordedTally.Lines

    init(_ subject: Subject, at moment: Timestamp, _ position: RecordedPosition, _ tally: RecordedTally) {
        (self.subject, self.moment, self.position) = (subject, moment, position)
        (summary, places) = (tally.summary, tally.summary.places)
        (unpaired, unreadable) = (tally.unpaired, tally.unreadable)
    }

    /// What was found up to ``position``.
    func tally(_ comparator: Comparator) -> RecordedTally {
        var tally = RecordedTally(comparator)
        tally.summary = ComparisonSummary(summary, places: places, comparator: comparator)
        (tally.unpaired, tally.unreadable) = (unpaired, unreadable)
        return tally
    }
}

/// The file of a checkpoint. It is replaced as a whole, so that a process that is killed leaves the one before.
struct RecordedCheckpointFile {
    let path: String

    /// What a process before this one has left; nil when there is none. Throws a sentence for what is no checkpoint.
    func load() throws -> RecordedCheckpoint? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path),
            let found = try? JSONValue(parsing: Array(data)).decoded(as: RecordedCheckpoint.self)
        else { throw refusal("something else") }
        return found
    }

    /// Refuses the checkpoint of another comparison.
    func refusal(_ found: String) -> CommandFailure {
        CommandFailure(
            .usage, "\(path): expected the checkpoint of this comparison, found \(found); remove it, or pass another --checkpoint")
    }

    func save(_ checkpoint: RecordedCheckpoint) throws {
        let next = path + ".next"
        let file = try OutputFile(path: next, mode: 0o600)
        try file.write(JSONValue(encoding: checkpoint).canonicalText + "\n")
        try file.end()
        guard rename(next, path) == 0 else {
            throw CommandFailure(.environment, "\(path): expected to replace it, found: \(String(cString: strerror(errno)))")
        }
    }

    /// Removes it when the comparison has come to its end.
    func remove() { unlink(path) }
}
