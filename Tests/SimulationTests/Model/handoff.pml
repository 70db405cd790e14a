/*
 * The hand-off protocol: one entity, three steps, the second durable, two events a step, one recall.
 * `check.sh` explores it exhaustively; HandOffModel.md in the documentation of Bridge says which move is which Swift function.
 *
 * Events come in any order, late, repeated, or never, and a queued row may overtake every other: more orders than the code has.
 * What is in memory only (queue, claim, message under way, result of an activity that is not in the history yet) is lost in a crash.
 * A `d_step` is one transaction, or one message to the engine.
 *
 * Shapes, chosen with -D:
 *   (none)         the durable step replaces legacy's: its waits have legacy states, a recall goes on from there
 *   ADDED          legacy has no such step: an interrupted one begins anew under a new epoch, a recalled one is left out
 *   INTERRUPTIBLE  an event that belongs to no step (cancel, override, suspension) may come at any moment, once
 *   REVISITED      the first event of the third step sends the entity back: the durable step is visited again, for events of its own
 *   TWO_STEPS      the third step is durable, too, and one segment runs both; who is taken back in the second step gets the third in another
 *   SEGMENTS=n     so many segments; more than one for a step that is begun anew or visited again, and for TWO_STEPS
 *   CROWD=n        nothing new happens while so many rows wait: where the process is long, rows are few
 *   LOSSES=n       so many events that have happened may be missing at the same time; each may still come, or never
 *   LIVENESS       every run finishes (I6), with at most one crash of each process; else any number of crashes, and I1 to I4
 *   PROPERTY=n     look at one invariant only
 *   TRACES         look for runs that make the moves of given traces, see below
 *
 * Several moves of the entity are under way at a time, as in a live service: its lane, its segment, the sweep, and an operator.
 * Each reads first and commits some time later; the epoch fences the owner, the record's version whoever writes the record back.
 *
 * Mutants, each a rule left out: NO_EPOCH_CHECK, ROUTE_AT_ACCEPT, NO_REQUEUE_AT_HAND_BACK, NO_REQUEUE_AT_RECALL,
 * NO_REQUEUE_AFTER_COMPLETE, NO_VERSION_AT_RECALL, NO_VERSION_AT_SWEEP, SECOND_VISIT_HAS_FIRST_ID, NO_HOLD,
 * NO_RELEASE_AT_WAIT, NO_RELEASE_AT_HAND_BACK, NO_VERSION_AT_WAITING.
 */

#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef PROPERTY
#define PROPERTY 0
#endif
#define HOLDS(invariant, condition) assert((PROPERTY != 0 && PROPERTY != invariant) || (condition))

/* Says once that a move was made, so that the checks see that the model does what it is about. No part of the state. */
#define TAKEN(move) c_code { static int isTaken; if (!isTaken) { isTaken = 1; printf("taken: %s\n", move); } }

/*
 * Traces of moves that the real code has made, as a tree in traces.h: a run is at a node, a move that no trace goes on with ends it, and so does a
 * node of whose traces all were found. What no move tells of happens only when it is needed: events, recalls and the cron job when the next move is
 * about them, so does an engine's crash, and copies and the bridge's crashes never. All of these runs are runs of the model.
 */
#ifdef TRACES
c_decl {
\#include "traces.h"
}
int node = 1
int seen
#define isSought c_expr { traces_left[now.node] > 0 }
#define wants(what) c_expr { (trace_wants[now.node] >> what) & 1 }
#define A_WAIT 13
#define A_SWEEP 14
#define A_RECALL 15
#define OBSERVE(move, thing) seen = (move) * 16 + (thing); c_code { now.node = trace_follow(now.node, now.seen); now.seen = 0; }
#define SOUGHT provided (isSought)
#else
#define OBSERVE(move, thing) skip
#define SOUGHT
#endif
/* What becomes of a row; `thing` is the row. */
#define HANDLED 1
#define IGNORED 2
#define PARKED 3
#define HELD 4
#define SIGNALLED 5
#define LATE 6
#define DROPPED 7
#define USED 8
/* What becomes of the entity; `thing` is a state, a step with its visit, or 0. */
#define TO 9
#define COMPLETED 10
#define HANDED_OFF 11
#define HANDED_BACK 12
#define INTERRUPTED 13
#define RECALLED 14
#define CONTINUED 15
#define ENTERED 16
#define WENT_ON 17
#define ENDED 18
#define SWEPT 19
#define visit(step, before) ((step) + 4 * (before))

/*
 * Inbox rows. Step n waits for the events 2n-2 and 2n-1, in this order. In REVISITED the fifth event sends the entity back, two more are
 * those of the second visit, and the third step waits for the last.
 */
#ifdef REVISITED
#define EVENTS 8
#define isOfSecondStep(r) ((r) == 2 || (r) == 3 || (r) == 5 || (r) == 6)
#else
#define EVENTS 6
#define isOfSecondStep(r) ((r) == 2 || (r) == 3)
#endif
#define INTERRUPT EVENTS
#define TIMER (EVENTS + 1)
#define CONTINUE (EVENTS + 2)
#define ROWS (EVENTS + 3)
#define NOTHING 15
#ifdef TWO_STEPS
#define isOfThirdStep(r) ((r) == 4 || (r) == 5)
#else
#define isOfThirdStep(r) false
#endif
#define isOfDurableStep(r) (isOfSecondStep(r) || isOfThirdStep(r))

mtype:owner = { legacy, durable }
mtype:disposition = { unknown, pending, consumed, signalled, parked, held, late }
mtype:route = { toLegacy, toSegment, toParked, toUseless, toHeld, toDropped, toLate }

/*
 * Ownership: the epoch, the owner, a recall's pin, and whether the second step was completed in this round; in TWO_STEPS also the pin of
 * the third step, and whether the segment is in it. The second round is that of the second visit.
 */
mtype:owner owner = legacy
byte epoch = 1
bit isPinned
bit isThirdPinned
bit isInThird
bit isCompleted
bit round

/* The record: a legacy state, in the order of the process; in ADDED also that the first event of the durable step was used. */
#define FIRST_A 0
#define FIRST_B 1
#define FIRST_DONE 2
#define SECOND_A 3
#define SECOND_B 4
#define SECOND_DONE 5
#define THIRD_A 6
#define THIRD_B 7
#define FINAL 8
byte state = FIRST_A
bit hasFirst
byte stepsDone
byte visitsDone

mtype:disposition row[ROWS] = unknown

/* The outbox: bits of what a segment has yet to be told. A message names the epoch of its segment. */
#ifndef SEGMENTS
#define SEGMENTS 1
#endif
#define LAST (SEGMENTS - 1)
#define START 1
#define FIRST_SIGNAL 2
#define SECOND_SIGNAL 4
#define INTERRUPT_SIGNAL 8
#define CANCEL 16
/* In REVISITED those of the second visit, in TWO_STEPS those of the third step. */
#define THIRD_SIGNAL 32
#define FOURTH_SIGNAL 64
#ifdef REVISITED
#define THIRD_ROW 5
#define FOURTH_ROW 6
#else
#define THIRD_ROW 4
#define FOURTH_ROW 5
#endif
#define signalOf(r) \
    ((r) == 2 -> FIRST_SIGNAL : ((r) == 3 -> SECOND_SIGNAL : ((r) == INTERRUPT -> INTERRUPT_SIGNAL : \
    ((r) == THIRD_ROW -> THIRD_SIGNAL : FOURTH_SIGNAL))))
#define segmentOf(e) (((e) - 2) / 2)
#define epochOf(s) (2 + 2 * (s))
byte outbox[SEGMENTS]
#define isOutboxEmpty (outbox[0] == 0 && outbox[SEGMENTS / 2] == 0 && outbox[LAST] == 0)

/* In memory: the queue of pending rows, the claimed row with the epoch and the route that were read, the message under way. */
short queue
byte claimed = NOTHING
byte epochRead
mtype:route routeRead = toLegacy
byte sending
byte sendingTo
#define bitOf(r) (1 << (r))
#define isQueued(r) ((queue & bitOf(r)) != 0)
/* The claimed row is committed, and the queue has yet to forget it; it has come again meanwhile. */
bit isCommitted
bit isAgain

inline releaseClaim() { claimed = NOTHING; routeRead = toLegacy; epochRead = 0; isCommitted = 0; isAgain = 0 }

/*
 * Reads of the record that are under way, with the epoch they found. Whoever writes the record makes them stale. A stale commit is
 * refused and changes nothing, so that the model lets go of it at once.
 */
byte recalledEpoch
byte sweptEpoch
#ifdef NO_VERSION_AT_RECALL
byte recalledState
#endif
#ifdef NO_VERSION_AT_SWEEP
byte sweptState
#endif
#if defined(NO_VERSION_AT_WAITING) || !defined(TWO_STEPS)
#define needsRecord(route) ((route) == toLegacy)
#else
/* Who is not to be told now waits, or is dropped, for what the record says: the epoch does not tell that the segment has gone on. */
#define needsRecord(route) ((route) != toSegment)
#endif
inline writeRecord() {
    if
    :: claimed != NOTHING && !isCommitted && needsRecord(routeRead) -> TAKEN("stale record decided anew"); releaseClaim()
    :: else -> skip
    fi;
#ifndef NO_VERSION_AT_RECALL
    if
    :: recalledEpoch != 0 -> TAKEN("stale recall refused"); recalledEpoch = 0
    :: else -> skip
    fi;
#endif
#ifndef NO_VERSION_AT_SWEEP
    if
    :: sweptEpoch != 0 -> TAKEN("stale sweep refused"); sweptEpoch = 0
    :: else -> skip
    fi
#endif
}

/* A segment: what its history says; `heard` and `used` are bits of signals. `performed` and `refused` are in memory only. */
mtype:status = { absent, running, closed }
mtype:place = { entersFirst, waitsFirst, entersSecond, waitsSecond, goesOn, entersThird, waitsThird, entersFourth, waitsFourth, ends }
mtype:activity = { none, scheduled, performed, refused }
typedef Segment {
    mtype:status status = absent;
    mtype:place place = entersFirst;
    mtype:activity activity = none;
    byte heard;
    byte used;
    bit isInterrupted
}
Segment segment[SEGMENTS]
#define isPerformed(s) (segment[s].activity == performed || segment[s].activity == refused)
#define isWaiting(s) (segment[s].status == running && segment[s].activity == none)

/* A visit uses its own events: the second segment of REVISITED is that of the second visit. */
#ifdef REVISITED
#define eventWanted(s) (segment[s].place == waitsFirst -> ((s) -> 5 : 2) : ((s) -> 6 : 3))
#define signalWanted(s) (segment[s].place == waitsFirst -> ((s) -> THIRD_SIGNAL : FIRST_SIGNAL) : ((s) -> FOURTH_SIGNAL : SECOND_SIGNAL))
#elif defined(TWO_STEPS)
#define byPlace(s, first, second, third, fourth) \
    (segment[s].place == waitsFirst -> first : (segment[s].place == waitsSecond -> second : (segment[s].place == waitsThird -> third : fourth)))
#define eventWanted(s) byPlace(s, 2, 3, 4, 5)
#define signalWanted(s) byPlace(s, FIRST_SIGNAL, SECOND_SIGNAL, THIRD_SIGNAL, FOURTH_SIGNAL)
#define afterNote(p) \
    ((p) == entersFirst -> waitsFirst : ((p) == entersSecond -> waitsSecond : ((p) == goesOn -> entersThird : \
    ((p) == entersThird -> waitsThird : waitsFourth))))
#else
#define eventWanted(s) (segment[s].place == waitsFirst -> 2 : 3)
#define signalWanted(s) (segment[s].place == waitsFirst -> FIRST_SIGNAL : SECOND_SIGNAL)
#endif

/* The segment waits for the event of row `r`; it waits, and has nothing to do. */
#define ownSegment segmentOf(epoch)
#define isWanted(r) (owner == durable && isWaiting(ownSegment) && eventWanted(ownSegment) == (r))
#define isAtRest \
    (owner != durable || isOutboxEmpty && isWaiting(ownSegment) && (segment[ownSegment].heard & signalWanted(ownSegment)) == 0)

/* The outside: so many events have happened, in order; a missing one has happened and is not in the inbox. */
#ifdef TRACES
byte happened = EVENTS
#else
byte happened
#endif
bit isRecalled
#define isMissing(e) (happened > (e) && row[e] == unknown)
#define missingOfSix (isMissing(0) + isMissing(1) + isMissing(2) + isMissing(3) + isMissing(4) + isMissing(5))
#ifdef REVISITED
#define missing (missingOfSix + isMissing(6) + isMissing(7))
#define nobodyWaitsOfMore (!isOpen(6) && !isOpen(7))
#else
#define missing missingOfSix
#define nobodyWaitsOfMore true
#endif
#define isOpen(r) (row[r] == pending || row[r] == signalled || row[r] == parked || row[r] == held)
#define nobodyWaits \
    (!isOpen(0) && !isOpen(1) && !isOpen(2) && !isOpen(3) && !isOpen(4) && !isOpen(5) && nobodyWaitsOfMore && !isOpen(INTERRUPT) && \
    !isOpen(TIMER) && !isOpen(CONTINUE))

#ifdef CROWD
#define openOfSix (isOpen(0) + isOpen(1) + isOpen(2) + isOpen(3) + isOpen(4) + isOpen(5))
#ifdef REVISITED
#define isCrowded (openOfSix + isOpen(6) + isOpen(7) >= CROWD)
#else
#define isCrowded (openOfSix >= CROWD)
#endif
#else
#define isCrowded false
#endif

/*
 * What a poll finds. Under LIVENESS it is no help while the event waits in the inbox: a run must not need a poll to make up for an
 * event that was acknowledged and that the protocol still has to deal with.
 */
#ifdef LIVENESS
#define isFound(e) (happened > (e) && !isOpen(e))
#else
#define isFound(e) (happened > (e))
#endif

#ifdef NO_EPOCH_CHECK
#define isCurrent(e) true
#else
#define isCurrent(e) (epoch == (e))
#endif

/* Scratch for loops and comparisons inside one step; always 0 between two steps. */
byte i
byte before

/* ---- Routing ---- */

#ifdef REVISITED
#define waitsFor(s) \
    ((s) == FIRST_A -> 0 : ((s) == FIRST_B -> 1 : ((s) == SECOND_A -> (round -> 5 : 2) : ((s) == SECOND_B -> (round -> 6 : 3) : \
    ((s) == THIRD_A -> (round -> 7 : 4) : NOTHING)))))
#else
#define waitsFor(s) \
    ((s) == FIRST_A -> 0 : ((s) == FIRST_B -> 1 : ((s) == SECOND_A -> 2 : ((s) == SECOND_B -> 3 : \
    ((s) == THIRD_A -> 4 : ((s) == THIRD_B -> 5 : NOTHING))))))
#endif
#define awaited waitsFor(state)
/* The table has a row for the event, also for that of another visit. */
#ifdef REVISITED
#define isHandled(r) (awaited == (r) || state == SECOND_A && ((r) == 2 || (r) == 5) || state == SECOND_B && ((r) == 3 || (r) == 6))
#else
#define isHandled(r) (awaited == (r))
#endif
/* In TWO_STEPS: the third step is durable, for all that is known. */
#ifdef TWO_STEPS
#define isThirdDurable (!isThirdPinned)
#else
#define isThirdDurable false
#endif
#define isAtBoundary (state == FIRST_DONE && !isPinned || state == SECOND_DONE && isThirdDurable)
#define isInside(r) ((r) == TIMER || (r) == CONTINUE)

inline decide(r, route) {
    if
    :: owner == durable && (r == INTERRUPT || isOfSecondStep(r) && !isInThird || isOfThirdStep(r) && isInThird) -> route = toSegment
    /* Of the other durable step. Where the record stands in the segment's own step, it says that a segment that waits has no use for it. */
    :: owner == durable && isOfThirdStep(r) && !isInThird -> route = (state >= SECOND_A -> toUseless : toParked)
    :: owner == durable && isOfSecondStep(r) && isInThird -> route = (state >= THIRD_A && !isPinned -> toUseless : toParked)
    :: owner == durable && !isOfDurableStep(r) && r != INTERRUPT -> route = toParked
    :: owner == legacy && isOfSecondStep(r) && !isPinned && state <= FIRST_DONE && !isCompleted -> route = toParked
    :: owner == legacy && isOfSecondStep(r) && !isPinned && (state > FIRST_DONE || isCompleted) ->
        route = (isHandled(r) -> toLegacy : toLate)
    :: owner == legacy && isOfThirdStep(r) && isThirdDurable && state >= THIRD_A -> route = (isHandled(r) -> toLegacy : toLate)
    :: owner == legacy && r != INTERRUPT && (!isOfSecondStep(r) || isPinned) && !(isOfThirdStep(r) && isThirdDurable && state >= THIRD_A) ->
        route = (isAtBoundary && !isInside(r) -> toParked : toLegacy)
    :: owner == legacy && r == INTERRUPT -> route = toLegacy
    fi
}

#ifdef ROUTE_AT_ACCEPT
mtype:route address[ROWS] = toLegacy
byte addressEpoch[ROWS]
#define epochToTell(r) addressEpoch[r]
inline noteAddress(r) { decide(r, address[r]); addressEpoch[r] = epoch }
#else
#define epochToTell(r) epochRead
inline noteAddress(r) { skip }
#endif

/* A row that comes again while it is being handled is queued again afterwards. */
inline makePending(r) {
    row[r] = pending;
    if
#ifndef NO_REQUEUE_AFTER_COMPLETE
    :: claimed == r -> TAKEN("comes again while it is handled"); isAgain = 1
#endif
    :: else -> queue = queue | bitOf(r)
    fi;
    noteAddress(r)
}

/* Arrival: a known id is dropped. */
inline accept(r) {
    if
    :: row[r] == unknown -> makePending(r)
    :: else -> TAKEN("duplicate dropped")
    fi
}

inline makeAllPending(disposition) {
    i = 0;
    do
    :: i < ROWS ->
        if
        :: row[i] == disposition -> makePending(i)
        :: else -> skip
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* What was held is looked at again, where the segment waits or a step ends. */
#ifdef TWO_STEPS
inline releaseHeld() { makeAllPending(held) }
#else
inline releaseHeld() { skip }
#endif

/* ---- Parts of transactions ---- */

/* I1: whoever changes the ownership knew the present one. */
inline changeHands(from, to) {
    HOLDS(1, epoch == from);
    epoch = from + 1;
    owner = to
}

/* I4: once for each visit, in order. */
inline completeStep(number) {
    HOLDS(4, stepsDone == number - 1);
    stepsDone = number
}
inline completeSecond() {
    HOLDS(4, visitsDone == round);
    visitsDone++;
    completeStep(2)
}

/* The entity goes back to where the first step is complete: that is complete once more, and the second to be done again. */
inline goBack() {
    TAKEN("goes back");
    state = FIRST_DONE;
    round = 1;
    stepsDone = 0;
    completeStep(1);
    isCompleted = 0
}

/* I3: what an event has made true is not taken back. */
#if defined(NO_VERSION_AT_RECALL) || defined(NO_VERSION_AT_SWEEP)
short usedRows
#define noteUse(r) usedRows = usedRows | bitOf(r)
#define keepsUsed(to) ((usedRows & bitOf(waitsFor(to))) == 0)
#else
#define noteUse(r) skip
#define keepsUsed(to) ((to) >= state)
#endif
inline writeState(to) {
    HOLDS(3, keepsUsed(to));
    state = to
}

/* ---- Legacy ---- */

/* The next state, by an event or by what a poll found. */
inline advance() {
    if
    :: state == FIRST_A -> state = FIRST_B
    :: state == FIRST_B -> completeStep(1); state = FIRST_DONE
    :: state == SECOND_A -> state = SECOND_B
    :: state == SECOND_B -> completeSecond(); isCompleted = 1; state = SECOND_DONE
#ifdef REVISITED
    :: state == THIRD_A && !round -> goBack()
    :: state == THIRD_A && round -> completeStep(3); state = FINAL
#else
    :: state == THIRD_A -> state = THIRD_B
    :: state == THIRD_B -> completeStep(3); state = FINAL
#endif
    fi
}

/* Legacy's own way to begin a step; an added step that is not durable for this entity does not exist for it. */
inline handleContinue() {
    if
    :: state == FIRST_DONE ->
#ifdef ADDED
        stepsDone = 2;
        state = THIRD_A
#else
        TAKEN("legacy begins the durable step");
        state = SECOND_A
#endif
    :: state == SECOND_DONE -> state = THIRD_A
    :: else -> skip
    fi
}

/*
 * In a boundary state the plan says who goes on. An event that changed nothing gives the hand off its chance, too; after an
 * interruption the last segment is kept for the interrupt, else ignored events would need more segments than the model has.
 */
#ifdef SECOND_VISIT_HAS_FIRST_ID
#define segmentToStart 0
#else
#define segmentToStart segmentOf(epoch)
#endif
inline handOff() {
    TAKEN("hand off");
    changeHands(epochRead, durable);
    if
    :: epoch > 2 -> TAKEN("hand off again")
    :: else -> skip
    fi;
    OBSERVE(HANDED_OFF, 0);
    outbox[segmentToStart] = outbox[segmentToStart] | START;
    makeAllPending(parked)
}

inline leaveBoundary(r, isEntered) {
    if
    :: state == FIRST_DONE && !isPinned && !isCompleted && (isEntered || r == INTERRUPT || segmentOf(epochRead + 1) < LAST) -> handOff()
    :: state == SECOND_DONE && isThirdDurable -> isInThird = 1; handOff()
    :: state == FIRST_DONE && (isPinned || isCompleted) && isEntered -> OBSERVE(CONTINUED, 0); makePending(CONTINUE)
    :: state == SECOND_DONE && !isThirdDurable && isEntered -> OBSERVE(CONTINUED, 0); makePending(CONTINUE)
    :: else -> skip
    fi
}

inline runLegacy(r) {
    before = state;
    row[r] = (r == TIMER || r == CONTINUE -> unknown : consumed);
    if
    :: r == awaited -> noteUse(r); advance()
    :: r == TIMER && awaited != NOTHING && isFound(awaited) -> TAKEN("legacy polls"); advance()
    :: r == CONTINUE -> handleContinue()
    :: else -> TAKEN("ignored by legacy")
    fi;
    if
    :: state != before ->
        OBSERVE(HANDLED, r);
        OBSERVE(TO, state);
        if
        :: state == FIRST_DONE -> OBSERVE(COMPLETED, visit(1, round))
        :: state == SECOND_DONE -> OBSERVE(COMPLETED, visit(2, round))
        :: state == FINAL -> OBSERVE(ENDED, 0)
        :: else -> skip
        fi
    :: else -> OBSERVE(IGNORED, r)
    fi;
    if
    :: state != before && (state == SECOND_A || state == THIRD_A || state == FINAL) -> makeAllPending(parked)
    :: else -> skip
    fi;
    leaveBoundary(r, state != before);
    before = 0;
    writeRecord()
}

/* A timer that was sent for an earlier wait does nothing. Where runs have to finish, no timer is late for ever. */
inline ignoreTimer() {
    TAKEN("old timer ignored");
    HOLDS(2, owner == legacy && epoch == epochRead);
    isCommitted = 1;
    row[TIMER] = unknown;
    OBSERVE(IGNORED, TIMER);
    leaveBoundary(TIMER, false);
    writeRecord()
}
#define isTimerClaimed (claimed == TIMER && !isCommitted && routeRead == toLegacy)

/* ---- The bridge's handling of a row: read, decide, commit under the epoch that was read ---- */

inline commitRow(r) {
    if
    :: isCurrent(epochRead) ->
        isCommitted = 1;
        if
        :: routeRead == toLegacy ->
            HOLDS(2, owner == legacy && epoch == epochRead);
            runLegacy(r)
        :: routeRead == toSegment ->
            TAKEN("signalled");
            OBSERVE(SIGNALLED, r);
            row[r] = signalled;
            outbox[segmentOf(epochToTell(r))] = outbox[segmentOf(epochToTell(r))] | signalOf(r)
        :: routeRead == toParked -> TAKEN("parked"); OBSERVE(PARKED, r); row[r] = parked
        :: routeRead == toLate -> TAKEN("late"); OBSERVE(LATE, r); row[r] = late
#ifdef TWO_STEPS
        :: routeRead == toHeld -> TAKEN("held"); OBSERVE(HELD, r); row[r] = held
        :: routeRead == toDropped ->
            TAKEN("dropped");
            HOLDS(3, !isWanted(r));
            if
            :: isOfThirdStep(r) -> OBSERVE(DROPPED, r); row[r] = consumed
            :: else -> OBSERVE(LATE, r); row[r] = late
            fi
#endif
        fi
    :: else -> TAKEN("stale claim decided anew"); releaseClaim()
    fi
}

/* The queue forgets a row that was handled, some time after its commit. */
inline complete() {
    queue = queue & ~bitOf(claimed);
    if
    :: isAgain -> queue = queue | bitOf(claimed)
    :: else -> skip
    fi;
    releaseClaim()
}

/* The cron job looks for a record that is stuck, when the queue is empty and there is something to find. */
#define needsSweep (owner == legacy && awaited != NOTHING && row[TIMER] == unknown && queue == 0 && isFound(awaited))

/*
 * Whether the segment waits is asked of the engine after the record was read, and what the record says may be old by then. An engine that
 * cannot be asked counts as one at work.
 */
#ifdef TWO_STEPS
inline ask() {
    if
#ifdef NO_HOLD
    :: routeRead == toUseless -> HOLDS(3, isAtRest); routeRead = toDropped
#else
    :: routeRead == toUseless -> routeRead = toHeld
    :: routeRead == toUseless && isAtRest -> HOLDS(3, isAtRest); routeRead = toDropped
#endif
    fi
}
#endif

inline readClaimed() {
    epochRead = epoch;
#ifdef ROUTE_AT_ACCEPT
    routeRead = address[claimed]
#else
    decide(claimed, routeRead)
#endif
}

/* ---- The bridge's relay: sends the first message, marks it done afterwards ---- */

#define firstToTell (outbox[0] != 0 -> 0 : (outbox[SEGMENTS / 2] != 0 -> SEGMENTS / 2 : LAST))
#define isUnsent(message) ((outbox[sendingTo] & message) != 0)

/* A closed segment has nothing to remember, once its last activity is over. */
inline forgetClosed(s) {
    if
    :: segment[s].status == closed && segment[s].activity == none ->
        segment[s].place = entersFirst; segment[s].heard = 0; segment[s].used = 0; segment[s].isInterrupted = 0
    :: else -> skip
    fi
}

/* Starting twice is starting once, a signal is heard once, and a closed segment hears nothing. */
inline tell(s, message) {
    if
    :: message == START && segment[s].status == absent ->
        segment[s].status = running;
#ifdef ADDED
        segment[s].place = (hasFirst -> waitsSecond : waitsFirst)
#else
#ifdef TWO_STEPS
        segment[s].place = (isInThird -> entersThird : entersFirst);
#endif
        segment[s].activity = scheduled
#endif
    :: message == CANCEL && segment[s].status == running -> TAKEN("cancelled"); segment[s].status = closed; forgetClosed(s)
    :: message != START && message != CANCEL && segment[s].status == running -> segment[s].heard = segment[s].heard | message
    :: message == START && segment[s].status != absent -> TAKEN("started twice")
    :: message != START && segment[s].status != running -> TAKEN("message to a closed segment dropped")
    fi
}

/* ---- The process of the bridge: handles rows, relays messages, sweeps ---- */

#ifdef NO_VERSION_AT_SWEEP
inline beginSweep() { sweptEpoch = epoch; sweptState = state }
#else
inline beginSweep() { sweptEpoch = epoch }
#endif

inline endSweep() {
    if
    :: epoch == sweptEpoch ->
        sweptEpoch = 0;
#ifdef NO_VERSION_AT_SWEEP
        writeState(sweptState);
        sweptState = 0;
#endif
        accept(TIMER);
        writeRecord()
    :: else -> sweptEpoch = 0
    fi
}

active proctype Bridge() SOUGHT {
    do
    :: atomic {
        claimed == NOTHING && queue != 0 ->
        if
        :: isQueued(CONTINUE) -> claimed = CONTINUE
        :: !isQueued(CONTINUE) && isQueued(0) -> claimed = 0
        :: !isQueued(CONTINUE) && isQueued(1) -> claimed = 1
        :: !isQueued(CONTINUE) && isQueued(2) -> claimed = 2
        :: !isQueued(CONTINUE) && isQueued(3) -> claimed = 3
        :: !isQueued(CONTINUE) && isQueued(4) -> claimed = 4
        :: !isQueued(CONTINUE) && isQueued(5) -> claimed = 5
#ifdef REVISITED
        :: !isQueued(CONTINUE) && isQueued(6) -> claimed = 6
        :: !isQueued(CONTINUE) && isQueued(7) -> claimed = 7
#endif
        :: !isQueued(CONTINUE) && isQueued(INTERRUPT) -> claimed = INTERRUPT
        :: !isQueued(CONTINUE) && isQueued(TIMER) -> claimed = TIMER
        fi;
        d_step {
            if
            :: row[claimed] == pending -> readClaimed()
            :: else -> complete()
            fi
        }
    }
#ifdef TWO_STEPS
    :: atomic { claimed != NOTHING && !isCommitted && routeRead == toUseless -> ask() }
#endif
    :: d_step { claimed != NOTHING && !isCommitted && routeRead != toUseless -> commitRow(claimed) }
#ifndef LIVENESS
    :: d_step { isTimerClaimed && isCurrent(epochRead) -> ignoreTimer() }
#endif
    :: d_step { isCommitted -> complete() }
    :: atomic {
        sending == 0 && !isOutboxEmpty ->
        sendingTo = firstToTell;
        if
        :: isUnsent(START) -> sending = START
        :: !isUnsent(START) && isUnsent(FIRST_SIGNAL) -> sending = FIRST_SIGNAL
        :: !isUnsent(START) && isUnsent(SECOND_SIGNAL) -> sending = SECOND_SIGNAL
        :: !isUnsent(START) && isUnsent(INTERRUPT_SIGNAL) -> sending = INTERRUPT_SIGNAL
        :: !isUnsent(START) && isUnsent(THIRD_SIGNAL) -> sending = THIRD_SIGNAL
        :: !isUnsent(START) && isUnsent(FOURTH_SIGNAL) -> sending = FOURTH_SIGNAL
        :: outbox[sendingTo] == CANCEL -> sending = CANCEL
        fi;
        d_step { tell(sendingTo, sending) }
    }
    :: d_step { sending != 0 -> outbox[sendingTo] = outbox[sendingTo] & ~sending; sending = 0; sendingTo = 0 }
#ifdef TRACES
    :: d_step {
        wants(A_SWEEP) && owner == legacy && awaited != NOTHING && row[TIMER] == unknown ->
        OBSERVE(SWEPT, 0);
        accept(TIMER);
        writeRecord()
    }
#else
    :: d_step { needsSweep && sweptEpoch == 0 -> beginSweep() }
    :: d_step { sweptEpoch != 0 -> endSweep() }
#endif
    od
}

/* ---- The engine: one process for each segment ---- */

inline consume(s, signal, r) {
    if
    :: (segment[s].used & signal) != 0 && row[r] != consumed -> OBSERVE(USED, r); row[r] = consumed; noteUse(r); queue = queue & ~bitOf(r)
    :: else -> skip
    fi
}
inline consumeUsed(s) {
    consume(s, FIRST_SIGNAL, 2);
    consume(s, SECOND_SIGNAL, 3)
#if defined(REVISITED) || defined(TWO_STEPS)
    ;
    consume(s, THIRD_SIGNAL, THIRD_ROW);
    consume(s, FOURTH_SIGNAL, FOURTH_ROW)
#endif
}

/* A wait point: the legacy state that corresponds to it, with the events that have led to it. */
#define stateOf(p) ((p) == entersFirst -> SECOND_A : ((p) == entersSecond -> SECOND_B : ((p) == entersThird -> THIRD_A : THIRD_B)))
inline enter(s) {
    HOLDS(2, owner == durable && epoch == epochOf(s));
    writeState(stateOf(segment[s].place));
    OBSERVE(ENTERED, state);
    consumeUsed(s);
#ifndef NO_RELEASE_AT_WAIT
    releaseHeld();
#endif
    writeRecord()
}

/* The second step is complete, and the segment keeps the entity for the third. */
inline goOnWithThird(s) {
    TAKEN("goes on with the next step");
    HOLDS(2, owner == durable && epoch == epochOf(s));
    OBSERVE(COMPLETED, visit(2, 0));
    consumeUsed(s);
    OBSERVE(WENT_ON, 0);
    completeSecond();
    isCompleted = 1;
    isInThird = 1;
    writeState(SECOND_DONE);
    makeAllPending(parked);
#ifndef NO_RELEASE_AT_WAIT
    releaseHeld();
#endif
    writeRecord()
}

inline handBack(s) {
    HOLDS(2, owner == durable && epoch == epochOf(s));
    if
    :: segment[s].isInterrupted -> OBSERVE(INTERRUPTED, 0)
    :: else -> OBSERVE(COMPLETED, (isInThird -> visit(3, 0) : visit(2, round)))
    fi;
    consumeUsed(s);
    OBSERVE(HANDED_BACK, 0);
    changeHands(epochOf(s), legacy);
    if
    :: segment[s].isInterrupted ->
        TAKEN("hand back, interrupted");
        isInThird = 0;
        hasFirst = hasFirst | ((segment[s].used & FIRST_SIGNAL) != 0)
    :: else ->
        TAKEN("hand back");
#ifdef TWO_STEPS
        completeStep(3);
        OBSERVE(ENDED, 0);
        writeState(FINAL)
#else
        completeSecond();
        isCompleted = 1;
        hasFirst = 0;
#ifndef ADDED
        writeState(SECOND_DONE);
#endif
        OBSERVE(CONTINUED, 0);
        makePending(CONTINUE)
#endif
    fi;
#ifndef NO_REQUEUE_AT_HAND_BACK
    makeAllPending(signalled);
#endif
    makeAllPending(parked);
#ifndef NO_RELEASE_AT_HAND_BACK
    releaseHeld();
#endif
    writeRecord()
}

inline perform(s) {
    if
    :: isCurrent(epochOf(s)) && segment[s].place == ends -> handBack(s); segment[s].activity = performed
#ifdef TWO_STEPS
    :: isCurrent(epochOf(s)) && segment[s].place == goesOn && !isInThird -> goOnWithThird(s); segment[s].activity = performed
    :: isCurrent(epochOf(s)) && segment[s].place == goesOn && isInThird -> TAKEN("gone on already"); segment[s].activity = performed
    :: isCurrent(epochOf(s)) && segment[s].place != ends && segment[s].place != goesOn -> enter(s); segment[s].activity = performed
#else
    :: isCurrent(epochOf(s)) && segment[s].place != ends -> enter(s); segment[s].activity = performed
#endif
    :: !isCurrent(epochOf(s)) && segment[s].place == ends -> TAKEN("stale hand back refused"); segment[s].activity = refused
    :: !isCurrent(epochOf(s)) && segment[s].place != ends -> TAKEN("stale wait point refused"); segment[s].activity = refused
    fi
}

/* The result comes into the history. A refused wait point makes the step fail, which ends the segment. */
inline noteResult(s) {
    if
    :: segment[s].status == closed || segment[s].place == ends -> segment[s].status = closed; segment[s].activity = none
    :: segment[s].status == running && segment[s].place != ends && segment[s].activity == refused ->
        segment[s].place = ends; segment[s].activity = scheduled
    :: segment[s].status == running && segment[s].place != ends && segment[s].activity == performed ->
#ifdef TWO_STEPS
        segment[s].activity = (segment[s].place == goesOn -> scheduled : none);
        segment[s].place = afterNote(segment[s].place)
#else
        segment[s].place = (segment[s].place == entersFirst -> waitsFirst : waitsSecond); segment[s].activity = none
#endif
    fi;
    forgetClosed(s)
}

inline goOn(s) {
#ifdef TWO_STEPS
    segment[s].place =
        (segment[s].place == waitsFirst -> entersSecond : (segment[s].place == waitsSecond -> goesOn :
        (segment[s].place == waitsThird -> entersFourth : ends)));
    segment[s].activity = scheduled
#elif defined(ADDED)
    if
    :: segment[s].place == waitsFirst -> segment[s].place = waitsSecond
    :: else -> segment[s].place = ends; segment[s].activity = scheduled
    fi
#else
    segment[s].place = (segment[s].place == waitsFirst -> entersSecond : ends);
    segment[s].activity = scheduled
#endif
}

inline work(s) {
    do
    :: d_step { segment[s].activity == scheduled -> perform(s) }
    :: d_step { isPerformed(s) -> noteResult(s) }
    :: d_step { isWaiting(s) && (segment[s].heard & signalWanted(s)) != 0 -> segment[s].used = segment[s].used | signalWanted(s); goOn(s) }
    :: d_step { isWaiting(s) && isFound(eventWanted(s)) -> TAKEN("segment polls"); goOn(s) }
#ifdef INTERRUPTIBLE
    :: d_step {
        isWaiting(s) && (segment[s].heard & INTERRUPT_SIGNAL) != 0 ->
        segment[s].isInterrupted = 1; segment[s].place = ends; segment[s].activity = scheduled
    }
#endif
    od
}

active proctype Engine() SOUGHT { work(0) }
#if SEGMENTS > 1
active proctype EngineOfSecondSegment() SOUGHT { work(1) }
#endif
#if SEGMENTS > 2
active proctype EngineOfThirdSegment() SOUGHT { work(2) }
#endif

/* ---- The outside ---- */

#ifndef TRACES
/* What must happen. An event is delivered at once, or it is missing for now. */
active proctype World() {
    do
    :: d_step { happened < EVENTS && !isCrowded -> accept(happened); happened++ }
    :: d_step { happened < EVENTS && !isCrowded && missing < LOSSES -> happened++ }
    od
}
#endif

inline recall() {
    TAKEN("recall");
    OBSERVE(RECALLED, 0);
    OBSERVE(CONTINUED, 0);
    changeHands(epoch, legacy);
    if
    :: isInThird -> isThirdPinned = 1; isInThird = 0
    :: else -> isPinned = 1
    fi;
    isRecalled = 1;
#ifndef NO_REQUEUE_AT_RECALL
    makeAllPending(signalled);
#endif
    makeAllPending(parked);
    releaseHeld();
    makePending(CONTINUE);
    outbox[segmentOf(epoch - 1)] = outbox[segmentOf(epoch - 1)] | CANCEL;
    writeRecord()
}

/* An operator reads, and commits some time later. */
#ifdef NO_VERSION_AT_RECALL
inline beginRecall() { recalledEpoch = epoch; recalledState = state }
#else
inline beginRecall() { recalledEpoch = epoch }
#endif

inline endRecall() {
    if
    :: epoch == recalledEpoch ->
        recalledEpoch = 0;
#ifdef NO_VERSION_AT_RECALL
        writeState(recalledState);
        recalledState = 0;
#endif
        recall()
    :: else -> recalledEpoch = 0
    fi
}

inline crashOfBridge() {
    TAKEN("crash of the bridge");
    releaseClaim();
    recalledEpoch = 0;
    sweptEpoch = 0;
    sending = 0;
    sendingTo = 0;
    queue = 0;
    i = 0;
    do
    :: i < ROWS -> queue = queue | (row[i] == pending -> bitOf(i) : 0); i++
    :: else -> break
    od;
    i = 0
}

#ifdef LIVENESS
bit hasBridgeCrashed
bit hasEngineCrashed
#define mayCrash(flag) (!flag)
#define noteCrash(flag) flag = 1
#else
#define mayCrash(flag) true
#define noteCrash(flag) skip
#endif

inline crashOfEngine(s) {
    if
    :: isPerformed(s) -> TAKEN("crash of the engine"); segment[s].activity = scheduled
    :: else -> skip
    fi
}

inline crashOfEngines() {
    crashOfEngine(0);
    crashOfEngine(SEGMENTS / 2);
    crashOfEngine(LAST)
}

#ifdef TRACES
/* Everything has happened when a trace begins, and comes when it is needed: losses are without number. */
active proctype Fate() SOUGHT {
    do
    :: d_step { row[0] == unknown && wants(0) -> accept(0) }
    :: d_step { row[1] == unknown && wants(1) -> accept(1) }
    :: d_step { row[2] == unknown && wants(2) -> accept(2) }
    :: d_step { row[3] == unknown && wants(3) -> accept(3) }
    :: d_step { row[4] == unknown && wants(4) -> accept(4) }
    :: d_step { row[5] == unknown && wants(5) -> accept(5) }
#ifdef REVISITED
    :: d_step { row[6] == unknown && wants(6) -> accept(6) }
    :: d_step { row[7] == unknown && wants(7) -> accept(7) }
#endif
    :: d_step { row[INTERRUPT] == unknown && wants(INTERRUPT) -> accept(INTERRUPT) }
    :: d_step { wants(A_WAIT) && (isPerformed(0) || isPerformed(SEGMENTS / 2) || isPerformed(LAST)) -> crashOfEngines() }
    :: d_step { wants(A_RECALL) && owner == durable -> recall() }
    od
}
#else
/* What may happen: fairness never demands any of it, because a copy of what has come may come again for ever. */
active proctype Fate() {
    do
    :: d_step {
        i = 0;
        do
        :: i < happened ->
            if
            :: row[i] != unknown -> accept(i)
            :: else -> skip
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
    :: d_step { sending != 0 -> tell(sendingTo, sending) }
    :: d_step { isMissing(0) -> TAKEN("comes late"); accept(0) }
    :: d_step { isMissing(1) -> accept(1) }
    :: d_step { isMissing(2) -> accept(2) }
    :: d_step { isMissing(3) -> accept(3) }
    :: d_step { isMissing(4) -> accept(4) }
    :: d_step { isMissing(5) -> accept(5) }
#ifdef REVISITED
    :: d_step { isMissing(6) -> accept(6) }
    :: d_step { isMissing(7) -> accept(7) }
#endif
#ifdef INTERRUPTIBLE
    :: d_step { row[INTERRUPT] == unknown -> accept(INTERRUPT) }
#endif
    :: d_step { owner == durable && !isRecalled && recalledEpoch == 0 -> beginRecall() }
    :: d_step { recalledEpoch != 0 -> endRecall() }
    :: d_step { (claimed != NOTHING || sending != 0) && mayCrash(hasBridgeCrashed) -> crashOfBridge(); noteCrash(hasBridgeCrashed) }
    :: d_step {
        (isPerformed(0) || isPerformed(SEGMENTS / 2) || isPerformed(LAST)) && mayCrash(hasEngineCrashed) ->
        crashOfEngines();
        noteCrash(hasEngineCrashed)
    }
    od
}
#endif

/* ---- What has to hold at the end; I1, I2 and I4 are asserted in the transactions ---- */

#if defined(LIVENESS)
ltl I6 { <> (state == FINAL && nobodyWaits) }
#elif !defined(TRACES)
/* I3: when everything has been said, no acknowledged event waits for somebody who will never come. */
active proctype Auditor() {
    do
    :: d_step { state == FINAL && claimed == NOTHING && queue == 0 && isOutboxEmpty && sending == 0 -> HOLDS(3, nobodyWaits) }
    od
}
#endif
