// One import for everything that a program needs which runs a machine in hybrid mode.

@_exported public import Bridge
@_exported public import Cutover
@_exported public import DurableWorkflow
@_exported public import Events
@_exported public import HybridRouter
@_exported public import LegacyHTTP
@_exported public import LegacyStateMachine
@_exported public import MetricsEndpoint
@_exported public import MigrationReport
@_exported public import Outcomes
@_exported public import SQLiteStorage
@_exported public import ShadowComparator
