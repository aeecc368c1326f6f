/** RAM and CPUs as core files that a debugger opens. */
package dev.vmstate.core;
