import DurableWorkflow
import Events
import FaultyDisk
import Glibc
import SQLiteStorage

/// A worker on a database, told line by line what to do. Every line is answered by one line once what it asks for is durable; answers
/// come in the order in which things become durable.
///
/// `start W` (a registration, or a chain of runs when its id begins with `c`), `signal W NAME ID`, `wait W` (for its result), `limit BYTES` (the most that any file may have; 0 for none),
/// `fail write|sync AFTER TIMES ERRNO` (of SQLite's calls of the kernel, answered by how many have failed since the last such line), `open`
/// (the database again, with a new engine, after a failure).
final class FaultWorker: Sendable {
    private struct Opened {
        let engine: EmbeddedEngine
        let worker: WorkflowWorker
    }

    private let path: String
    private let time = SystemTime()

    init(path: String) { self.path = path }

    func run() async {
        var opened = open()
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            switch words.first {
            case "open":
                opened?.worker.stop()
                opened = nil
                opened = open()
            case "limit": limit(words[1])
            case "fail": fail(line, words)
            default:
                if let engine = opened?.engine {
                    Task { @concurrent in await self.answer(line, words, engine) }
                } else {
                    say(line, "failed there is no engine")
                }
            }
        }
        opened?.worker.stop()
    }

    private func open() -> Opened? {
        do {
            let store = SQLiteWorkflowStore(try LockstepDatabase(path: path))
            let engine = EmbeddedEngine(
                store: store, workflows: [Load.workflow, Load.chain], activities: Load.activities(log: path + ".attempts"),
                options: EngineOptions(maximumLive: 20, isEager: true), time: time)
            let worker = WorkflowWorker(engine: engine)
            Task { @concurrent in
                do { try await worker.run() } catch { self.say("worker", "failed \(error)") }
            }
            say("open", "opened")
            return Opened(engine: engine, worker: worker)
        } catch {
            say("open", "failed \(error)")
            return nil
        }
    }

    private func answer(_ line: String, _ words: [String], _ engine: EmbeddedEngine) async {
        do { say(line, try await perform(words, engine)) } catch { say(line, "failed \(error)") }
    }

    private func perform(_ words: [String], _ engine: EmbeddedEngine) async throws -> String {
        switch words.first {
        case "start":
            let options = WorkflowOptions(idReusePolicy: .rejectDuplicate, idConflictPolicy: .useExisting)
            do {
                try await engine.start(
                    workflowID: words[1], type: Load.type(of: words[1]).name, input: Load.input(words[1]), options: options, at: time.now)
            } catch is WorkflowAlreadyStarted { return "closed" }
            return "started"
        case "signal":
            let signal = SignalMessage(id: words[3], name: words[2], payload: .string(words[3]))
            return "\(try await engine.signal(workflowID: words[1], signal: signal, at: time.now))"
        default: return try await engine.result(workflowID: words[1])?.json().canonicalText ?? "null"
        }
    }

    private func limit(_ bytes: String) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        limit.rlim_cur = rlim_t(bytes).flatMap { $0 == 0 ? nil : $0 } ?? limit.rlim_max
        let result = setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        say("limit \(bytes)", result == 0 ? "limited" : "failed setrlimit")
    }

    private func fail(_ line: String, _ words: [String]) {
        let numbers = words.compactMap(Int32.init)
        let operation = words[1] == "sync" ? FaultyDiskSync : FaultyDiskWrite
        say(line, "\(faulty_disk_fail(operation, numbers[0], numbers[1], numbers[2]))")
    }

    /// One write, so that lines of several tasks do not mix.
    private func say(_ line: String, _ answer: String) {
        let bytes = Array("\(line): \(answer)\n".utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
