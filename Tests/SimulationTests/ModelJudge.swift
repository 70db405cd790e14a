import Foundation
import Testing

/// Asks the model of the hand-off which traces it has a run for. Needs spin and gcc.
struct ModelJudge {
    /// A trace without a run, and how many of its moves some run makes.
    struct Rejection: CustomStringConvertible {
        let trace: ModelTrace
        let accepted: Int
        let shape: ThreeSteps.Shape

        var description: String {
            let before = trace.moves.prefix(accepted).map(\.description).joined(separator: ", ")
            return "after [\(before)] no run makes \(trace.moves[accepted])"
        }
    }

    let shape: ThreeSteps.Shape

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Model")

    private var flags: String {
        switch shape {
        case .replaced: "-DLOSSES=6"
        case .added: "-DADDED -DSEGMENTS=3"
        case .revisited: "-DREVISITED -DSEGMENTS=2"
        case .twoSteps: "-DTWO_STEPS -DSEGMENTS=2"
        }
    }

    /// The traces for which the model has no run.
    func rejected(_ traces: Set<ModelTrace>) async throws -> [Rejection] {
        let tree = TraceTree(traces)
        let answer = try await search(tree)
        return tree.ends.filter { !answer.found.contains($0.key) }.map { end, trace in
            let path = tree.path(to: end)
            return Rejection(trace: trace, accepted: path.prefix { answer.reached.contains($0) }.count, shape: shape)
        }.sorted { $0.description < $1.description }
    }

    private func search(_ tree: TraceTree) async throws -> (found: Set<Int>, reached: Set<Int>) {
        let work = FileManager.default.temporaryDirectory.appending(path: "lockstep-model-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: work) }
        try tree.header(folder: Self.folder.path).write(to: work.appending(path: "traces.h"), atomically: true, encoding: .utf8)
        let model = Self.folder.appending(path: "handoff.pml").path
        let output = try await Self.run(
            """
            set -e
            spin -a -DTRACES -DINTERRUPTIBLE \(flags) '\(model)' >messages 2>&1 || { cat messages; exit 1; }
            gcc -O1 -w -DSAFETY -DNOREDUCE -DMEMLIM=5500 -o pan pan.c
            ./pan -E -m100000 -w22
            """, in: work)
        try #require(output.contains("errors: 0"), "expected the search to end without an error, found \(output.suffix(2000))")
        func numbers(_ word: String) -> Set<Int> {
            Set(output.split(separator: "\n").filter { $0.hasPrefix(word) }.compactMap { Int($0.dropFirst(word.count)) })
        }
        return (numbers("found "), numbers("reached "))
    }

    private static func run(_ script: String, in folder: URL) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = folder
        // A file, not a pipe: the search prints more than a pipe holds.
        let output = folder.appending(path: "answer")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let handle = try FileHandle(forWritingTo: output)
        (process.standardOutput, process.standardError) = (handle, handle)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        return try String(contentsOf: output, encoding: .utf8)
    }
}

/// Traces as a tree of moves: what begins in the same way is looked for once. Node 1 is the beginning.
struct TraceTree {
    private(set) var ends: [Int: ModelTrace] = [:]
    private var moves = [0, 0]
    private var parents = [0, 0]
    private var children: [[Int: Int]] = [[:], [:]]

    init(_ traces: Set<ModelTrace>) {
        // In a fixed order, so that the same traces make the same tree.
        for trace in traces.sorted() where !trace.moves.isEmpty {
            ends[trace.moves.reduce(1) { child(of: $0, by: $1.number) }] = trace
        }
    }

    private mutating func child(of node: Int, by move: Int) -> Int {
        if let known = children[node][move] { return known }
        moves.append(move)
        parents.append(node)
        children.append([:])
        children[node][move] = moves.count - 1
        return moves.count - 1
    }

    /// The nodes from the first move to `end`.
    func path(to end: Int) -> [Int] {
        var path: [Int] = []
        var node = end
        while node > 1 {
            path.append(node)
            node = parents[node]
        }
        return path.reversed()
    }

    /// The tree as arrays in C.
    func header(folder: String) -> String {
        var (first, next, left) = (moves.map { _ in 0 }, moves.map { _ in 0 }, moves.map { _ in 0 })
        for node in moves.indices.dropFirst(2).reversed() { (next[node], first[parents[node]]) = (first[parents[node]], node) }
        for end in ends.keys { for node in [1] + path(to: end) { left[node] += 1 } }
        let isEnd = moves.indices.map { ends[$0] == nil ? 0 : 1 }
        let arrays = [
            ("trace_first", first), ("trace_next", next), ("trace_move", moves), ("trace_parent", parents), ("traces_left", left),
            ("trace_isEnd", isEnd), ("trace_wants", moves.indices.map(wanted)), ("trace_isReached", moves.map { _ in 0 }),
        ]
        return arrays.map { name, values in "static int \(name)[] = {\(values.map(String.init).joined(separator: ","))};\n" }.joined()
            + "#include \"\(folder)/follow.h\"\n"
    }

    /// The rows that a trace goes on with at a node, as bits; besides whether one goes on with a wait point, the cron job, a recall.
    private func wanted(at node: Int) -> Int {
        children[node].keys.reduce(0) { bits, number in
            switch ModelMove.Kind(rawValue: number / 16) {
            case .entered: bits | 1 << 13
            case .swept: bits | 1 << 14
            case .recalled: bits | 1 << 15
            case let kind? where kind.rawValue <= ModelMove.Kind.lastOfRow.rawValue: bits | 1 << (number % 16)
            default: bits
            }
        }
    }
}
