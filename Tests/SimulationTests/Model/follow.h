/*
 * The traces that a model run may follow, as a tree of moves; `traces.h` has its arrays, written by ModelTraces.swift, and includes this file.
 * Node 1 is the beginning, and node 0 is nowhere. Each trace that is found is printed once, by the node at which it ends.
 */

/* The node to which `move` leads from `node`; 0 for none. */
static int trace_child(int node, int move)
{
    int child;
    for (child = trace_first[node]; child != 0; child = trace_next[child])
        if (trace_move[child] == move)
            return child;
    return 0;
}

/* Goes on with `move`, and notes a trace that ends there. A node that was come to is printed, to say how far a trace got that is not found. */
static int trace_follow(int node, int move)
{
    int child = trace_child(node, move);
    if (child == 0)
        return 0;
    if (!trace_isReached[child]) {
        trace_isReached[child] = 1;
        printf("reached %d\n", child);
    }
    if (trace_isEnd[child]) {
        trace_isEnd[child] = 0;
        printf("found %d\n", child);
        for (node = child; node != 0; node = trace_parent[node])
            traces_left[node]--;
    }
    return child;
}
