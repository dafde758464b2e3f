/** Roles and networks in builds whose instances are virtual machines: six boots. */
import { networkCases } from '../harness/network-cases.ts';

networkCases('qemu');
