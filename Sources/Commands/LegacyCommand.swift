import ArgumentParser
import BridgeTesting
import Events
import FoundationEssentials
import LegacyHTTP
import LegacyStateMachine

/// Verbs about a legacy machine that runs as a service of its own.
struct LegacyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "legacy", abstract: "Looks at a legacy machine that runs in another process, behind HTTP.",
        subcommands: [Check.self, Describe.self])

    /// What both verbs need to reach a service.
    struct Address: ParsableArguments {
        @Argument(help: ArgumentHelp("The service, for example http://127.0.0.1:8080/lockstep/v1.", valueName: "url"))
        var url: String
        @Option(help: "A file whose first line is sent as the header Authorization.")
        var authorization: String?
        @Option(help: "Seconds that a call may take.")
        var timeout = 10.0

        func service() throws -> HTTPLegacy {
            let header = try authorization.map { path in
                guard let text = try? String(contentsOfFile: path, encoding: .utf8), let line = text.split(separator: "\n").first else {
                    throw CommandFailure(.environment, "\(path): expected a file with a header, found none that can be read")
                }
                return String(line)
            }
            guard timeout > 0, timeout <= 3600 else {
                throw CommandFailure(.usage, "--timeout: expected seconds above 0, up to 3600, found \(timeout)")
            }
            do {
                return try HTTPLegacy(url, authorization: header, timeout: .milliseconds(Int64(timeout * 1000)))
            } catch let fault as LegacyFault { throw CommandFailure(.usage, fault.description) }
        }
    }
}

extension LegacyCommand {
    /// `lockstep legacy machine`
    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "machine", abstract: "Prints the machine that a service describes, to keep in a file.",
            discussion: "\(Program.name) legacy machine http://127.0.0.1:8080/lockstep/v1 > machine.json")

        @OptionGroup var address: Address

        func run() async throws {
            let service = try address.service()
            do {
                Console.print(try JSONValue(encoding: await service.machine()).canonicalText)
            } catch let error as LegacyUnreachable {
                throw CommandFailure(.environment, error.description)
            } catch let fault as LegacyFault { throw CommandFailure(.environment, fault.description) }
        }
    }

    /// `lockstep legacy check`
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks that a service keeps to the protocol for legacy machines.",
            discussion: """
                Sends the events of an example to a few entities of its own: use a test instance of the service. The example has one event
                a line, {"kind": "registration.submit", "payload": {…}}, from the birth of an entity to a state that completes a step.

                Examples:
                  \(Program.name) legacy check http://127.0.0.1:8080/lockstep/v1 --example example.jsonl
                  \(Program.name) legacy check http://127.0.0.1:8080/lockstep/v1 --example example.jsonl --change '{"score": 80}' --tick

                Exit codes: 0 when it keeps every law, 1 when it breaks some, 2 for bad usage, 3 when it cannot be reached.
                """)

        @OptionGroup var address: Address
        @Option(help: "A file with the events of one entity, one JSON object a line.")
        var example: String
        @Option(help: "What a durable step may change in the record, as a JSON merge patch.")
        var change = "{}"
        @Flag(help: "The service has the call 'tick', which makes its cron job work as if time had passed.")
        var tick = false
        @Option(help: "How the result is printed.")
        var format = OutputFormat.text

        func run() async throws {
            let service = try address.service()
            guard let change = try? JSONValue(parsing: change), change.object != nil else {
                throw CommandFailure(.usage, "--change: expected a JSON object, found something else")
            }
            var laws = LegacyServiceLaws(
                service, example: try steps(), change: change, prefix: "check-\(UInt64.random(in: 1...UInt64.max))")
            if tick { laws.tick = { try await service.tick(seconds: $0) } }
            let breaches: [LegacyServiceLaws.Breach]
            do { breaches = try await laws.breaches() } catch let error as LegacyUnreachable {
                throw CommandFailure(.environment, error.description)
            }
            Console.print(format == .json ? json(breaches).canonicalText : text(breaches))
            if !breaches.isEmpty { throw CommandFailure(.differences, "") }
        }

        private func steps() throws -> [LegacyServiceLaws.Step] {
            guard let text = try? String(contentsOfFile: example, encoding: .utf8) else {
                throw CommandFailure(.environment, "\(example): expected a file that can be read, found none")
            }
            return try text.split(separator: "\n").enumerated().map { index, line in
                guard let json = try? JSONValue(parsing: String(line)), let kind = json["kind"]?.string else {
                    throw CommandFailure(.usage, "\(example):\(index + 1): expected {\"kind\": …, \"payload\": …}, found something else")
                }
                return .init(EventKind(kind), json["payload"] ?? [:])
            }
        }

        private func json(_ breaches: [LegacyServiceLaws.Breach]) -> JSONValue {
            [
                "laws": .array(LegacyServiceLaws.names.map { .string($0) }),
                "breaches": .array(breaches.map { ["law": .string($0.law), "problem": .string($0.problem)] }),
            ]
        }

        private func text(_ breaches: [LegacyServiceLaws.Breach]) -> String {
            guard !breaches.isEmpty else { return "\(LegacyServiceLaws.names.count.counted("law")), all kept" }
            return (breaches.map { "\($0.law): \($0.problem)" } + ["\(Set(breaches.map(\.law)).count.counted("law")) broken"]).joined(
                separator: "\n")
        }
    }
}
