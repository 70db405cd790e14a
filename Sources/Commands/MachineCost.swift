import ArgumentParser
import Events
import FoundationEssentials
import LegacyStateMachine
import MigrationReport
import Outcomes

extension StepCost {
    /// What the step of an extension costs beside `machine`, the table without it. Durable code leaves the table as it is.
    init(_ extended: MachineExtension, beside machine: MachineDescription) {
        let diff = MachineDiff(from: machine, to: extended.machine)
        var table = Table()
        (table.states, table.events) = (diff.statesAdded.count, diff.eventsAdded.count)
        (table.cells, table.cellsHandled) = (diff.cells.count, diff.cells(that: "handled"))
        (table.rowsAdded, table.rowsChanged) = (diff.rowsAdded.count, diff.rowsChanged.count)
        table.statesTouched = diff.statesTouched.count
        self.init(
            step: extended.step, legacy: Side(extended.legacy, table: table), durable: Side(extended.durable, table: Table()))
    }
}

extension StepCost.Side {
    fileprivate init(_ files: [TouchedFile], table: StepCost.Table) {
        let (added, removed) = (files.map(\.added).reduce(0, +), files.map(\.removed).reduce(0, +))
        self.init(files: files.count, linesAdded: added, linesRemoved: removed, table: table)
    }
}

extension Application {
    /// The extension by `step`. Throws a sentence when nobody has measured that step.
    func machineExtension(_ step: StepNumber) throws -> MachineExtension {
        let measured = try typed.extensions()
        if let found = measured.first(where: { $0.step == step }) { return found }
        guard !measured.isEmpty else {
            throw CommandFailure(
                .usage,
                "step \(step): expected a program that has measured what adding a step costs, found one without; give its LockstepApp"
                    + " extensions, or compare two exports of the machine with --against")
        }
        let known = measured.map(\.step.description).joined(separator: ", ")
        throw CommandFailure(.usage, "step \(step): expected a step whose cost was measured (\(known)), found another; name one of them")
    }

    /// What the steps of `plan` cost whose cost was measured; nothing where the table is gone.
    func stepCosts(of steps: [StepNumber]) throws -> [StepCost] {
        guard hasLegacy else { return [] }
        let machine = machineDescription
        return try typed.extensions().filter { steps.contains($0.step) }.map { StepCost($0, beside: machine) }
    }
}

extension MachineDescription {
    /// Reads what `machine --format json` has written.
    init(file: String) throws {
        guard let bytes = try? ByteLines.beginning(of: file, atMost: 16 << 20) else {
            throw CommandFailure(
                .usage, "\(file): expected a machine that can be read, found none; write one with '\(Program.name) machine --format json'")
        }
        do { self = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self)).decoded() } catch {
            let problem = (error as? DecodingError)?.place ?? "\(error)"
            throw CommandFailure(
                .usage,
                "\(file): expected what '\(Program.name) machine --format json' prints, found something else: \(problem); write it anew")
        }
    }
}
