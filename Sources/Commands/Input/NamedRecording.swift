import BridgeTesting
import Events
import LegacyStateMachine

/// What is recorded of one entity.
struct NamedRecording {
    /// Of the file and of the entity.
    let name: String
    let entity: EntityID
    let lines: [TraceLine]
}

extension Exploration {
    /// What folders and files record of each entity, or of `entity` alone; all recorded fixtures without any.
    func recordings(named inputs: [String], of entity: String? = nil) async throws -> [NamedRecording] {
        var recordings: [NamedRecording] = []
        for path in inputs.isEmpty ? try Program.app.fixtureFolders() : inputs {
            let file = path.split(separator: "/").last.map(String.init) ?? path
            for (found, lines) in try await self.recordings(in: try lines(of: path)) where entity ?? found.rawValue == found.rawValue {
                recordings.append(NamedRecording(name: "\(file), \(found)", entity: found, lines: lines))
            }
        }
        if let entity, recordings.isEmpty {
            throw CommandFailure(.usage, "--entity: expected \(entity) in what is recorded, found no such")
        }
        return recordings
    }

    private func lines(of path: String) throws -> [TraceLine] {
        try Scenario.lines(file: try InputOptions.isFolder(path) ? "\(path)/events.jsonl" : path)
    }
}
