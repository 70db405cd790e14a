import A2PApp
import ArgumentParser
import Commands
import Cutover
import Events
import FoundationEssentials
import ShadowComparator

#if canImport(Glibc)
    import Glibc
#endif

/// `lockstep-bench compare`
struct CompareBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Recorded pairs a second that are compared, and the memory for it, beside reading the same bytes and comparing them.",
        discussion: """
            lockstep-bench compare --pairs 1000000 --differing 0.01
            lockstep-bench compare --pairs 1000000 --differing 1     each with what hybrid made of it, most of which differs

            Registrations are played once on both paths, and their lines are written again and again under new ids. The floor reads both \
            files with as many threads, and compares them with memcmp. Both read what the kernel has in memory. peakMB is the \
            process's memory at its highest while it compares.
            """)

    @Option(help: "Pairs of lines.") var pairs = 1_000_000
    @Option(help: "The share of pairs whose second line is that of hybrid, 0 to 1; the others are the same.") var differing = 0.01
    @Option(help: "Registrations that are really played.") var registrations = 500
    @Option(help: "How often.") var runs = 3

    func run() async throws {
        let recordings = Recordings()
        defer { recordings.remove() }
        try await recordings.write(pairs, differing: differing, of: registrations)
        for number in 1...max(1, runs) { try await once(recordings, number) }
    }

    private func once(_ recordings: Recordings, _ number: Int) async throws {
        let floor = try await Measuring.seconds { try await recordings.readAndCompare() }
        let comparing = try RecordedComparing(
            recordings.control, recordings.candidate, plan: RecordedRun.plan("hybrid-5.2"), at: Timestamp(Date()))
        PeakMemory.reset()
        let began = ContinuousClock.now
        let found = try await comparing.run().comparison
        let ours = Measuring.seconds(ContinuousClock.now - began)
        Measuring.report([
            "benchmark": "compare", "run": .integer(number), "pairs": .integer(found.compared), "matched": .integer(found.matched),
            "explained": .integer(found.expectedDifferences), "mismatched": .integer(found.mismatched),
            "perSecond": Measuring.rounded(Double(pairs) / ours, 1), "floorPerSecond": Measuring.rounded(Double(pairs) / floor, 1),
            "ratio": Measuring.rounded(floor / ours), "fileMB": .integer(recordings.bytes / 1_000_000),
            "peakMB": Measuring.rounded(Double(PeakMemory.bytes()) / 1_000_000, 1),
        ])
    }
}

/// The process's memory at its highest.
private enum PeakMemory {
    /// Begins anew with what is in use now.
    static func reset() {
        _ = Allocator.settledBytes()
        guard let file = fopen("/proc/self/clear_refs", "w") else { return }
        fputs("5", file)
        fclose(file)
    }

    static func bytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}

/// Two recordings of as many entities as one likes, made of a few that were played.
private struct Recordings {
    let control = Measuring.freshPath("compare") + ".legacy.jsonl"
    let candidate = Measuring.freshPath("compare") + ".hybrid.jsonl"

    var bytes: Int { Self.size(control) + Self.size(candidate) }

    func remove() { for path in [control, candidate] { unlink(path) } }

    /// Plays `count` registrations and writes `pairs` pairs of lines, a share of which are not the same.
    func write(_ pairs: Int, differing: Double, of count: Int) async throws {
        let trace = Measuring.freshPath("compare-trace")
        defer { Measuring.remove(trace) }
        try await RecordedRun.generate(count, seed: 7, to: trace)
        let legacy = try await Self.lines(.legacy, trace)
        let hybrid = try await Self.lines(.hybrid, trace)
        let (left, right) = (fopen(control, "w"), fopen(candidate, "w"))
        defer { for file in [left, right] { if let file { fclose(file) } } }
        guard let left, let right else { throw Floor.Failure(message: "cannot write \(control)") }
        for number in 0..<pairs {
            let id = Array("R-\(String(10_000_000 + number).dropFirst())".utf8)
            let isOther = Int(Double(number + 1) * differing) > Int(Double(number) * differing)
            legacy[number % legacy.count].write(as: id, to: left)
            (isOther ? hybrid : legacy)[number % legacy.count].write(as: id, to: right)
        }
    }

    private static func lines(_ mode: RunMode, _ trace: String) async throws -> [LineWithoutID] {
        let run = try RecordedRun(mode, trace: trace, database: ":memory:")
        try await run.play()
        return try await run.recordingLines().map { LineWithoutID($0.line, $0.entity) }
    }

    /// The floor: both files in pieces, on all cores, compared block by block.
    func readAndCompare() async throws {
        let (size, workers) = (max(Self.size(control), Self.size(candidate)), ProcessInfo.processInfo.activeProcessorCount)
        let (control, candidate) = (control, candidate)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<workers {
                group.addTask { try Self.differences(control, candidate, size * worker / workers..<size * (worker + 1) / workers) }
            }
            for try await _ in group {}
        }
    }

    /// How many blocks differ.
    private static func differences(_ control: String, _ candidate: String, _ part: Range<Int>) throws -> Int {
        let (piece, block) = (1 << 18, 1 << 12)
        let (left, right) = (open(control, O_RDONLY), open(candidate, O_RDONLY))
        defer { for descriptor in [left, right] { close(descriptor) } }
        let buffers = [0, 1].map { _ in UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16) }
        defer { for buffer in buffers { buffer.deallocate() } }
        var found = 0
        for offset in stride(from: part.lowerBound, to: part.upperBound, by: piece) {
            let count = min(
                pread(left, buffers[0].baseAddress, piece, off_t(offset)), pread(right, buffers[1].baseAddress, piece, off_t(offset)))
            for start in stride(from: 0, to: max(0, count), by: block) {
                guard let one = buffers[0].baseAddress, let other = buffers[1].baseAddress else { continue }
                found += memcmp(one + start, other + start, min(block, count - start)) == 0 ? 0 : 1
            }
        }
        return found
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

/// A line with gaps where the entity's id stands.
private struct LineWithoutID {
    private var pieces: [[UInt8]] = []

    init(_ line: [UInt8], _ entity: EntityID) {
        let id = Array(entity.rawValue.utf8)
        var piece: [UInt8] = []
        var rest = line[...]
        while let byte = rest.first {
            if rest.starts(with: id) {
                pieces.append(piece)
                piece = []
                rest = rest.dropFirst(id.count)
            } else {
                piece.append(byte)
                rest = rest.dropFirst()
            }
        }
        pieces.append(piece)
    }

    func write(as id: [UInt8], to file: UnsafeMutablePointer<FILE>) {
        for (index, piece) in pieces.enumerated() {
            if index > 0 { fwrite(id, 1, id.count, file) }
            fwrite(piece, 1, piece.count, file)
        }
        fputc(10, file)
    }
}
