package dev.vmstate.layout;

import dev.vmstate.bytes.FormatException;
import java.io.IOException;

/**
 * A number computed from fields decoded before and from the bytes themselves.
 *
 * <pre>{@code
 * choice  ::= or [ '?' choice ':' choice ]
 * or      ::= and ( '||' and )*            and ::= compare ( '&&' compare )*
 * compare ::= sum [ ('==' '!=' '<' '<=' '>' '>=') sum ]
 * sum     ::= 64-bit numbers with | ^ & << >> + - * / % ! - ~ and parentheses
 * value   ::= number | name | function '(' choice ')' | 'has' '(' name ')' | 'device' '(' TEXT ')'
 * }</pre>
 *
 * <p>Bits bind tighter than comparisons, unlike in C: {@code status & 4 != 0} means what it says.
 * {@code name} is a field decoded before, in this group or one around it, or {@code group.name} in
 * a group that is complete. {@code u8}, {@code le16}, {@code le32}, {@code be16}, {@code be32} and
 * {@code be64} read the bytes at an offset of the region (the refined field, or the innermost
 * overlay); {@code here} is the offset of the next field in it, {@code left} the number of bytes
 * behind it, {@code size} the region's length. {@code has(name)} says whether a field or group is
 * there, {@code device("glob")} whether the section is called so.
 */
interface Expression {
  /**
   * Its value.
   *
   * @throws FormatException when a name has no value or an offset lies outside: the layout does not
   *     fit
   */
  long value(Scope scope) throws IOException;
}
