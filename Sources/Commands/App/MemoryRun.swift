import Bridge
import BridgeTesting
import Cutover
import HybridRouter
import LegacyStateMachine

extension LockstepApp {
    /// A run in memory of `domain`, which may have a bug, in the place of the program's own. Its store makes at most so many transactions:
    /// work that goes round ends with an error.
    func memoryRun(
        of domain: Domain<State, Record>, _ mode: RunMode, _ plan: MigrationPlan, _ ports: PortWrapper = .none,
        storage: any HandoffStore = InMemoryHandoffStore(), atMost most: Int
    ) throws -> (run: AppRun<State, Record>, store: CountedStore) {
        var app = self
        app.domain = domain
        var options = RunOptions(mode: mode, plan: plan, database: ":memory:")
        options.ports = ports
        let store = CountedStore(ports.handoffs(storage), atMost: most)
        options.ports.handoffs = { _ in store }
        return (try AppRun(app, options), store)
    }
}
